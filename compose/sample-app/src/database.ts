// Notes and the records of their attachments, in MySQL.

import mysql from 'mysql2/promise';
import type { Pool, PoolOptions, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { Metrics } from './metrics.ts';
import type { DatabaseSettings } from './settings.ts';

export interface Attachment {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface StoredAttachment extends Attachment {
  readonly objectKey: string;
}

export interface Note {
  readonly id: number;
  readonly title: string;
  readonly body: string;
  readonly label?: string | null;
  readonly createdAt: string;
  readonly attachments: readonly Attachment[];
}

export interface NewNote {
  readonly title: string;
  readonly body: string;
  readonly label?: string | undefined;
}

export function connectionOptions(settings: DatabaseSettings): PoolOptions {
  return {
    host: settings.host,
    port: settings.port,
    user: settings.user,
    password: settings.password,
    database: settings.name,
    connectTimeout: 3_000,
    timezone: 'Z',
    charset: 'utf8mb4',
  };
}

const LIST_LENGTH = 100;

export class NoteTable {
  readonly #pool: Pool;
  readonly #metrics: Metrics;
  readonly #schema: number;

  constructor(settings: DatabaseSettings, schema: number, metrics: Metrics) {
    this.#pool = mysql.createPool({
      ...connectionOptions(settings),
      connectionLimit: settings.connections,
      enableKeepAlive: true,
      // A request that waits for a connection this long would rather hear so.
      queueLimit: settings.connections * 20,
    });
    this.#schema = schema;
    this.#metrics = metrics;
  }

  async ping(): Promise<void> {
    await this.#rows('SELECT 1');
  }

  async schemaVersion(): Promise<number> {
    const rows = await this.#rows(
      "SELECT MAX(version) AS version FROM schema_migrations WHERE state = 'applied'",
    ).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ER_NO_SUCH_TABLE') return [];
      throw error;
    });
    return Number(rows[0]?.['version'] ?? 0);
  }

  async list(words?: string): Promise<Note[]> {
    const isSearch = words !== undefined && words !== '' && this.#schema >= 3;
    const where = isSearch ? 'WHERE MATCH (title, body) AGAINST (? IN NATURAL LANGUAGE MODE)' : '';
    const found = await this.#rows(
      `SELECT ${this.#columns()} FROM notes ${where} ORDER BY id DESC LIMIT ${LIST_LENGTH}`,
      isSearch ? [words] : [],
    );
    return this.#withAttachments(found);
  }

  async find(id: number): Promise<Note | undefined> {
    const found = await this.#rows(`SELECT ${this.#columns()} FROM notes WHERE id = ?`, [id]);
    return (await this.#withAttachments(found))[0];
  }

  async add(note: NewNote): Promise<number> {
    const isLabelled = this.#schema >= 2;
    const columns = isLabelled ? 'title, body, label' : 'title, body';
    const values = [note.title, note.body, ...(isLabelled ? [note.label ?? null] : [])];
    const result = await this.#write(
      `INSERT INTO notes (${columns}) VALUES (${values.map(() => '?').join(', ')})`,
      values,
    );
    return result.insertId;
  }

  async remove(id: number): Promise<boolean> {
    return (await this.#write('DELETE FROM notes WHERE id = ?', [id])).affectedRows > 0;
  }

  async addAttachment(noteId: number, file: StoredAttachment): Promise<void> {
    await this.#write(
      `INSERT INTO attachments (id, note_id, name, media_type, size_bytes, sha256, object_key)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      [file.id, noteId, file.name, file.mediaType, file.sizeBytes, file.sha256, file.objectKey],
    );
  }

  async attachmentsOf(noteId: number): Promise<StoredAttachment[]> {
    const rows = await this.#rows('SELECT * FROM attachments WHERE note_id = ? ORDER BY created_at, id', [
      noteId,
    ]);
    return rows.map((row) => ({ ...attachmentFrom(row), objectKey: String(row['object_key']) }));
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  #columns(): string {
    return this.#schema >= 2 ? 'id, title, body, label, created_at' : 'id, title, body, created_at';
  }

  async #withAttachments(rows: readonly RowDataPacket[]): Promise<Note[]> {
    if (rows.length === 0) return [];
    const ids = rows.map((row) => Number(row['id']));
    const files = await this.#rows(
      `SELECT * FROM attachments WHERE note_id IN (${ids.map(() => '?').join(', ')}) ORDER BY created_at, id`,
      ids,
    );
    return rows.map((row) => ({
      id: Number(row['id']),
      title: String(row['title']),
      body: String(row['body']),
      ...(this.#schema >= 2 ? { label: row['label'] as string | null } : {}),
      createdAt: (row['created_at'] as Date).toISOString(),
      attachments: files.filter((file) => file['note_id'] === row['id']).map(attachmentFrom),
    }));
  }

  async #rows(sql: string, values: readonly (string | number | null)[] = []): Promise<RowDataPacket[]> {
    const [rows] = await this.#metrics.timed('database', () =>
      this.#pool.query<RowDataPacket[]>({ sql, timeout: 10_000 }, [...values]),
    );
    return rows;
  }

  async #write(sql: string, values: readonly (string | number | null)[]): Promise<ResultSetHeader> {
    const [result] = await this.#metrics.timed('database', () =>
      this.#pool.query<ResultSetHeader>({ sql, timeout: 10_000 }, [...values]),
    );
    return result;
  }
}

function attachmentFrom(row: RowDataPacket): Attachment {
  return {
    id: String(row['id']),
    name: String(row['name']),
    mediaType: String(row['media_type']),
    sizeBytes: Number(row['size_bytes']),
    sha256: String(row['sha256']),
  };
}

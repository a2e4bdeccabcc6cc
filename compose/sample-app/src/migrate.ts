// Numbered SQL files, each applied once, in order, by one process at a time. A migration that ended half-way
// is remembered as such, and nothing goes on over it.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { connectionOptions } from './database.ts';
import type { DatabaseSettings } from './settings.ts';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly reversible: boolean;
  readonly checksum: string;
  readonly up: string;
  readonly down: string | undefined;
}

export type State = 'pending' | 'applied' | 'incomplete' | 'changed' | 'unknown';

export interface MigrationStatus {
  readonly version: number;
  readonly name: string;
  readonly state: State;
  readonly reversible: boolean;
  readonly appliedAt?: string;
}

export class MigrationError extends Error {}

const LOCK = 'notes.migrate';
const FILE = /^(\d{4})_([a-z0-9_]+)\.up\.sql$/;

export function readMigrations(folder: string): Migration[] {
  const files = new Set(readdirSync(folder));
  return [...files]
    .map((file) => FILE.exec(file))
    .filter((match) => match !== null)
    .map(([file, version, name]) => {
      const up = readFileSync(join(folder, file), 'utf8');
      const downFile = file.replace('.up.sql', '.down.sql');
      const reversible = files.has(downFile);
      return {
        version: Number(version),
        name: name!,
        reversible,
        checksum: createHash('sha256').update(up).digest('hex'),
        up,
        down: reversible ? readFileSync(join(folder, downFile), 'utf8') : undefined,
      };
    })
    .sort((a, b) => a.version - b.version);
}

interface AppliedRow {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
  readonly state: 'applied' | 'running';
  readonly appliedAt: string;
}

export class Migrator {
  readonly #settings: DatabaseSettings;
  readonly #migrations: readonly Migration[];
  readonly #say: (line: string) => void;

  constructor(settings: DatabaseSettings, migrations: readonly Migration[], say: (line: string) => void) {
    this.#settings = settings;
    this.#migrations = migrations;
    this.#say = say;
  }

  async status(): Promise<MigrationStatus[]> {
    return this.#connected(async (database) => compare(this.#migrations, await readApplied(database)));
  }

  /** Applies what is pending, up to and including `to`. */
  async up(to = Number.POSITIVE_INFINITY): Promise<MigrationStatus[]> {
    return this.#locked(async (database) => {
      const before = compare(this.#migrations, await readApplied(database));
      refuseUnsound(before);
      const pending = this.#migrations.filter(
        ({ version }) =>
          version <= to && before.find((item) => item.version === version)!.state === 'pending',
      );
      for (const migration of pending) await this.#apply(database, migration);
      return compare(this.#migrations, await readApplied(database));
    });
  }

  /** Takes back everything above `to`; by default only the newest. Refused as a whole if one has no way down. */
  async down(to?: number): Promise<MigrationStatus[]> {
    return this.#locked(async (database) => {
      const before = compare(this.#migrations, await readApplied(database));
      refuseUnsound(before);
      const applied = before.filter(({ state }) => state === 'applied').map(({ version }) => version);
      const goal = to ?? applied.at(-2) ?? 0;
      const undone = this.#migrations
        .filter(({ version }) => applied.includes(version) && version > goal)
        .reverse();
      const final = undone.find(({ reversible }) => !reversible);
      if (final !== undefined) {
        throw new MigrationError(
          `Migration ${final.version} (${final.name}) has no way down. Nothing was changed.`,
        );
      }
      for (const migration of undone) await this.#revert(database, migration);
      return compare(this.#migrations, await readApplied(database));
    });
  }

  async #apply(database: Connection, migration: Migration): Promise<void> {
    this.#say(`up ${migration.version} ${migration.name}`);
    // Written before the first statement: MySQL commits every DDL, so a failure leaves half of it behind.
    await database.query(
      "INSERT INTO schema_migrations (version, name, checksum, state) VALUES (?, ?, ?, 'running')",
      [migration.version, migration.name, migration.checksum],
    );
    await runStatements(database, migration, migration.up);
    await database.query(
      "UPDATE schema_migrations SET state = 'applied', applied_at = NOW(3) WHERE version = ?",
      [migration.version],
    );
  }

  async #revert(database: Connection, migration: Migration): Promise<void> {
    this.#say(`down ${migration.version} ${migration.name}`);
    await database.query("UPDATE schema_migrations SET state = 'running' WHERE version = ?", [
      migration.version,
    ]);
    await runStatements(database, migration, migration.down!);
    await database.query('DELETE FROM schema_migrations WHERE version = ?', [migration.version]);
  }

  async #locked<T>(use: (database: Connection) => Promise<T>): Promise<T> {
    return this.#connected(async (database) => {
      const waitSeconds = Number(process.env['MIGRATE_WAIT_SECONDS'] ?? 60);
      const [rows] = await database.query<RowDataPacket[]>('SELECT GET_LOCK(?, ?) AS held', [
        LOCK,
        waitSeconds,
      ]);
      if (rows[0]?.['held'] !== 1) {
        throw new MigrationError(
          `Another migration is running, still after ${waitSeconds} s. Nothing was changed.`,
        );
      }
      await database.query(TABLE);
      return use(database);
      // The lock goes with the connection, also when this process is killed.
    });
  }

  async #connected<T>(use: (database: Connection) => Promise<T>): Promise<T> {
    const database = await mysql.createConnection(connectionOptions(this.#settings)).catch((error: Error) => {
      throw new MigrationError(`The database does not answer: ${error.message}`);
    });
    try {
      return await use(database);
    } finally {
      await database.end().catch(() => {});
    }
  }
}

const TABLE = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version INT UNSIGNED NOT NULL PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  checksum CHAR(64) NOT NULL,
  state VARCHAR(10) NOT NULL,
  applied_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
) ENGINE = InnoDB`;

async function readApplied(database: Connection): Promise<AppliedRow[]> {
  const [tables] = await database.query<RowDataPacket[]>("SHOW TABLES LIKE 'schema_migrations'");
  if (tables.length === 0) return [];
  const [rows] = await database.query<RowDataPacket[]>('SELECT * FROM schema_migrations ORDER BY version');
  return rows.map((row) => ({
    version: Number(row['version']),
    name: String(row['name']),
    checksum: String(row['checksum']),
    state: row['state'] as AppliedRow['state'],
    appliedAt: (row['applied_at'] as Date).toISOString(),
  }));
}

async function runStatements(database: Connection, migration: Migration, sql: string): Promise<void> {
  const statements = splitStatements(sql);
  for (const [index, statement] of statements.entries()) {
    await database.query(statement).catch((error: Error) => {
      throw new MigrationError(
        `Migration ${migration.version} (${migration.name}) failed at statement ${index + 1} of ` +
          `${statements.length}: ${error.message}. The statements before it stay; restore the database, or repair it by hand.`,
      );
    });
  }
}

/** Statements end with a semicolon at the end of a line; comment lines are dropped. */
export function splitStatements(sql: string): string[] {
  const code = sql.replace(/^\s*--.*$/gm, '');
  return code
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

export function compare(migrations: readonly Migration[], applied: readonly AppliedRow[]): MigrationStatus[] {
  const known = migrations.map((migration): MigrationStatus => {
    const { version, name, reversible } = migration;
    const row = applied.find((item) => item.version === version);
    if (row === undefined) return { version, name, reversible, state: 'pending' };
    return { version, name, reversible, state: stateOf(migration, row), appliedAt: row.appliedAt };
  });
  // Of a newer release: compatible by rule, so it is shown and left alone.
  const newer = applied
    .filter((row) => !migrations.some(({ version }) => version === row.version))
    .map(({ version, name, appliedAt }): MigrationStatus => {
      return { version, name, reversible: false, state: 'unknown', appliedAt };
    });
  return [...known, ...newer].sort((a, b) => a.version - b.version);
}

function stateOf(migration: Migration, row: AppliedRow): State {
  if (row.state !== 'applied') return 'incomplete';
  return row.checksum === migration.checksum ? 'applied' : 'changed';
}

function refuseUnsound(status: readonly MigrationStatus[]): void {
  const bad = status.find(({ state }) => state === 'incomplete' || state === 'changed');
  if (bad === undefined) return;
  const why =
    bad.state === 'incomplete'
      ? 'ended half-way before; restore the database, or repair it by hand'
      : 'was applied from a different file than this release has';
  throw new MigrationError(`Migration ${bad.version} (${bad.name}) ${why}. Nothing was changed.`);
}

// A customer's notes and files on an appliance, as its database has them: for tests of what comes back and what is lost.

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Test } from 'tap';
import type { TestAppliance } from './appliance.ts';

/** What the migration of 1.2.0 trims away is gone: only a copy has it. */
export const PADDED = '  padded  ';

export class NotesData {
  readonly #appliance: TestAppliance;

  constructor(appliance: TestAppliance) {
    this.#appliance = appliance;
  }

  /** Three notes, one of them with a file. */
  async begin(): Promise<void> {
    await this.write('from before');
    await this.sql(`INSERT INTO notes (title, body) VALUES ('${PADDED}', '')`);
    await this.writeWithFile('file from before');
  }

  async sql(statement: string): Promise<string[]> {
    const client = [
      'mysql',
      '--defaults-extra-file=/run/secrets/admin.cnf',
      '--batch',
      '--skip-column-names',
    ];
    const words = ['exec', '-T', 'mysql', ...client, '-e', statement, 'notes'];
    const { code, stdout, stderr } = await this.#appliance.compose(words);
    if (code !== 0) throw new Error(stderr);
    return stdout.split('\n').slice(0, -1);
  }

  async write(title: string): Promise<void> {
    const { status, body } = await this.#appliance.ask('/api/notes', { body: { title } });
    if (status !== 201) throw new Error(body);
  }

  /** Makes a note with a file; `onNote` is called as soon as the note is made. */
  async writeWithFile(title: string, onNote: () => void = () => {}): Promise<void> {
    const { id } = JSON.parse(await this.#send('POST', '/api/notes', JSON.stringify({ title }))) as {
      id: number;
    };
    onNote();
    await this.#send('PUT', `/api/notes/${id}/attachments?name=a.txt`, `of ${title}`);
  }

  /** Each on a connection of its own. */
  async #send(method: string, path: string, body = ''): Promise<string> {
    const { httpsPort: port } = this.#appliance;
    const where = { host: '127.0.0.1', servername: 'localhost', port, path, rejectUnauthorized: false };
    const outgoing = request({
      ...where,
      method,
      agent: false,
      headers: { 'content-type': 'application/json' },
    });
    outgoing.end(body);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    const said = await text(answer);
    if (answer.statusCode! >= 400)
      throw new Error(`${method} ${path} is answered ${answer.statusCode}: ${said}`);
    return said;
  }

  titles(): Promise<string[]> {
    return this.sql('SELECT title FROM notes ORDER BY id');
  }

  /** Titles of the notes with a file. */
  files(): Promise<string[]> {
    return this.sql('SELECT title FROM notes JOIN attachments ON note_id = notes.id ORDER BY notes.id');
  }

  async readBack(t: Test, title: string): Promise<void> {
    const [row = ''] = await this.sql(
      `SELECT note_id, attachments.id FROM attachments JOIN notes ON note_id = notes.id WHERE title = '${title}'`,
    );
    const [note, file] = row.split('\t');
    const answer = await this.#appliance.ask(`/api/notes/${note}/attachments/${file}`);
    t.match(answer, { status: 200, body: `of ${title}` });
  }

  /** Titles of the notes whose file is not answered as it was written, of all that there are. */
  async unreadable(): Promise<string[]> {
    const rows = await this.sql(
      'SELECT note_id, attachments.id, title FROM attachments JOIN notes ON note_id = notes.id',
    );
    const bad: string[] = [];
    for (const row of rows) {
      const [note, file, title = ''] = row.split('\t');
      const path = `/api/notes/${note}/attachments/${file}`;
      const said = await this.#send('GET', path).catch(() => undefined);
      if (said !== `of ${title}`) bad.push(title);
    }
    return bad;
  }

  async schemaIs(t: Test, schema: number): Promise<void> {
    const question = ['exec', '-T', 'app', 'node', '/app/src/main.ts', 'migrate', 'status', '--json'];
    const { stdout } = await this.#appliance.compose(question);
    t.match(JSON.parse(stdout), { version: schema, complete: true, broken: [] });
  }

  async version(): Promise<string> {
    const { stdout } = await this.#appliance.onstead(['status', '--json']);
    return (JSON.parse(stdout) as { release: { version: string } }).release.version;
  }
}

/** What was added to a table, as a plan or a story tells it; 0 where it does not. */
export const addedTo = (table: string, told: string): number =>
  Number(new RegExp(`in notes\\.${table}: (\\d+) rows added`).exec(flat(told))?.[1] ?? 0);

/** A terminal wraps where a line is full. */
export const flat = (text: string): string => text.replaceAll(/\s+/g, ' ');

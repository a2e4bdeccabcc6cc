// The journal's file: made, opened again, and refused in one clear sentence when it cannot be trusted.

import { mkdtemp, open, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import t from 'tap';
import { databaseVersion, Journal, openDatabase } from '../../../src/journal/index.ts';
import { HandClock, operationOf } from './lab.ts';

async function filledFile(t: { teardown(end: () => unknown): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'onstead-journal-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'state.db');
  const db = openDatabase(path);
  const journal = new Journal(db, new HandClock());
  const { id } = journal.create(operationOf(...Array.from({ length: 200 }, (_, at) => `step-${at}`)));
  for (let at = 0; at < 200; at += 1) journal.note(id, at, `a note of some length, number ${at} of them all`);
  db.close(); // the write-ahead log is folded into the file
  return path;
}

t.test('commits are on the disk before they count', async (t) => {
  const db = openDatabase(await filledFile(t));
  t.teardown(() => db.close());
  t.equal(db.pragma('journal_mode', { simple: true }), 'wal');
  t.equal(db.pragma('synchronous', { simple: true }), 2);
  t.equal(db.pragma('foreign_keys', { simple: true }), 1);
  t.equal(db.pragma('user_version', { simple: true }), databaseVersion);
});

t.test('opened again it holds what it held', async (t) => {
  const db = openDatabase(await filledFile(t));
  t.teardown(() => db.close());
  const journal = new Journal(db, new HandClock());
  t.equal(journal.unfinished()[0]?.steps.length, 200);
});

t.test('a journal of a newer Onstead is refused and left as it is', async (t) => {
  const path = await filledFile(t);
  const db = openDatabase(path);
  db.pragma(`user_version = ${databaseVersion + 1}`);
  db.close();
  const before = await readFile(path);
  t.throws(() => openDatabase(path), { code: 'journal.newer', message: /newer Onstead/, next: /version/ });
  t.ok(before.equals(await readFile(path)));
});

t.test('what is no database is refused in one sentence', async (t) => {
  const path = await filledFile(t);
  await writeFile(path, 'This was a database once.'.repeat(1000));
  const error = t.throws(() => openDatabase(path), { code: 'journal.unreadable', next: /backup/ }) as Error;
  t.match(error.message, path);
  t.notMatch(error.message, /\n/);
});

t.test('a truncated file is refused', async (t) => {
  const path = await filledFile(t);
  await truncate(path, Math.floor((await stat(path)).size / 2));
  t.throws(() => openDatabase(path), { code: 'journal.unreadable' });
});

t.test('a file with a page of rubbish in it is refused, whichever page it is', async (t) => {
  const path = await filledFile(t);
  const whole = await readFile(path);
  const pages = whole.length / 4096;
  t.ok(pages > 5, `${pages} pages`);
  for (let page = 1; page < pages; page += 1) {
    const handle = await open(path, 'w');
    await handle.writeFile(
      Buffer.concat([
        whole.subarray(0, page * 4096),
        Buffer.alloc(4096, 0xa5),
        whole.subarray((page + 1) * 4096),
      ]),
    );
    await handle.close();
    t.throws(() => openDatabase(path).close(), { code: 'journal.unreadable' }, `page ${page}`);
  }
});

t.test('a folder that is not there is said in one sentence', async (t) => {
  t.throws(() => openDatabase('/nonexistent/onstead/state.db'), { code: 'journal.unreadable' });
});

t.test('what an older Onstead kept of the data without a project is that of the installed one', async (t) => {
  const path = await filledFile(t);
  const facts = { volumes: { 'mysql-data': 'notes_mysql-data.x' }, restored: { operation: 'x' } };
  const older = openDatabase(path);
  const before = new Journal(older, new HandClock());
  before.setFact('installed', { project: 'notes' });
  for (const [key, value] of Object.entries(facts)) before.setFact(key, value);
  older.pragma('user_version = 1');
  older.close();
  const db = openDatabase(path);
  t.teardown(() => db.close());
  const journal = new Journal(db, new HandClock());
  t.equal(db.pragma('user_version', { simple: true }), databaseVersion);
  for (const [key, value] of Object.entries(facts)) {
    t.strictSame(journal.fact(`${key}/notes`), value);
    t.equal(journal.fact(key), undefined);
  }
  t.strictSame(journal.fact('installed'), { project: 'notes' });
});

t.test('a journal of an older Onstead on which nothing is installed is opened too', async (t) => {
  const path = await filledFile(t);
  const older = openDatabase(path);
  older.pragma('user_version = 1');
  older.close();
  const db = openDatabase(path);
  t.teardown(() => db.close());
  t.equal(new Journal(db, new HandClock()).list().length, 1);
});

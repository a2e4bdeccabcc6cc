// SQLite as the daemon uses it: one file, write-ahead log, every commit on the disk before it counts.

import Database from 'better-sqlite3';
import { asDiskFull } from '../base/disk-full.ts';
import { OnsteadError, messageOf } from '../base/errors.ts';
import { asReadOnly } from '../base/read-only.ts';

export type Db = Database.Database;

/** Each entry brings the schema one version up; the position in the list is the version. */
const migrations: readonly string[] = [
  `create table operation (
     id text primary key, kind text not null, title text not null, state text not null, input text not null,
     created_at text not null, started_at text, finished_at text, error text
   ) strict;
   create table step (
     operation text not null references operation(id), n integer not null, type text not null,
     title text not null, input text not null, state text not null, attempts integer not null default 0,
     started_at text, finished_at text, note text, error text, looks integer not null,
     primary key (operation, n)
   ) strict, without rowid;
   create table event (
     seq integer primary key autoincrement, operation text not null, at text not null, type text not null,
     step integer, state text, text text
   ) strict;
   create index event_by_operation on event (operation, seq);
   create table fact (key text primary key, value text not null, updated_at text not null) strict, without rowid;`,
  // Which volumes hold the data is known by project: until then there was one, that of the installed release.
  `update fact
      set key = key || '/' || (select json_extract(value, '$.project') from fact where key = 'installed')
    where key in ('volumes', 'restored', 'moved') and exists (select 1 from fact where key = 'installed');`,
];

export const databaseVersion = migrations.length;

export function openDatabase(path: string): Db {
  const db = openFile(path);
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma('cache_size = -1024');
    migrate(db, path);
    return db;
  } catch (error) {
    db.close();
    throw asDiskFull(error, path);
  }
}

function openFile(path: string): Db {
  let db: Db | undefined;
  try {
    db = new Database(path);
    // Some damage is thrown, the rest is told in rows.
    const found = db.pragma('quick_check(1)', { simple: true });
    if (found !== 'ok') throw new Error(String(found).split('\n').at(-1));
    return db;
  } catch (cause) {
    db?.close();
    const why = asReadOnly(asDiskFull(cause, path), path);
    if (why !== cause) throw why;
    throw new OnsteadError('journal.unreadable', `The journal ${path} cannot be read: ${messageOf(cause)}.`, {
      next: 'Move the file aside and restore it from the newest backup, then start the daemon again.',
      cause,
    });
  }
}

function migrate(db: Db, path: string): void {
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version > databaseVersion) {
    throw new OnsteadError('journal.newer', `The journal ${path} was written by a newer Onstead.`, {
      next: 'Start the Onstead version that wrote it, or a later one.',
    });
  }
  db.transaction(() => {
    for (const sql of migrations.slice(version)) db.exec(sql);
    db.pragma(`user_version = ${databaseVersion}`);
  })();
}

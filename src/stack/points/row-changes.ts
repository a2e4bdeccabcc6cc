// What was written to the database since a copy, counted from the binlog. The text of the binlog streams by and is
// never kept: in the container only the lines that count are let through.

import type { Engine } from '../../engine/index.ts';
import { OnsteadError } from '../../base/errors.ts';
import { runSql } from '../database.ts';
import { mysqlAdminFile } from '../services/mysql.ts';
import type { DatabaseCopy } from './database-copy.ts';

export interface TableChanges {
  /** `schema.table` */
  readonly table: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export interface DatabaseChanges {
  readonly transactions: number;
  /** Statements that are no rows: tables made, altered, emptied or dropped, users changed. */
  readonly schemaChanges: number;
  readonly tables: readonly TableChanges[];
  /** False where binlogs that it would take are gone: then it is at least so much. */
  readonly isComplete: boolean;
}

const COUNTED_WITHIN_MS = 60 * 60_000;
const ROW = /^### (INSERT INTO|UPDATE|DELETE FROM) `((?:[^`]|``)+)`\.`((?:[^`]|``)+)`$/;
const END = /^=== (\d+)$/;
const KIND = { 'INSERT INTO': 'inserted', UPDATE: 'updated', 'DELETE FROM': 'deleted' } as const;

/**
 * The rows of a value can never look like one of these lines: line ends in them are escaped. The last line says how
 * the program ended, which a pipe would hide.
 */
const SCRIPT = `{ mysqlbinlog "$@"; echo "=== $?"; } |
  LC_ALL=C grep -aE "^(### (INSERT INTO|UPDATE|DELETE FROM) .|SET @@SESSION.GTID_NEXT= '[0-9a-f]|COMMIT/\\*!\\*/;$|=== [0-9]+$)"`;

/** Reads what the server has now; changes nothing and holds nothing up. */
export async function countRowChanges(
  engine: Engine,
  container: string,
  copy: Pick<DatabaseCopy, 'gtids' | 'binlog' | 'serverUuid'>,
  signal?: AbortSignal,
): Promise<DatabaseChanges> {
  const { from, isComplete } = await whereToBegin(engine, container, copy);
  const counter = new ChangeCounter();
  const { stderr } = await engine.containers.exec(container, {
    cmd: [
      'sh',
      '-c',
      SCRIPT,
      'sh',
      ...fromServer(copy.gtids),
      '--base64-output=DECODE-ROWS',
      '--verbose',
      from,
    ],
    onStdout: (chunk) => counter.push(chunk.toString('latin1')),
    timeoutMs: COUNTED_WITHIN_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  if (counter.exitCode !== 0) throw unreadable(stderr);
  return { ...counter.result(), isComplete };
}

/** Read through the server, not from its files: of the newest one it gives whole transactions alone. */
export function fromServer(without: string): string[] {
  return [
    `--defaults-extra-file=${mysqlAdminFile}`,
    '--read-from-remote-source=BINLOG-DUMP-GTIDS',
    `--exclude-gtids=${without}`,
    '--to-last-log',
  ];
}

/** The binlog of the copy's day, if this is still the server of that day; else the oldest there is. */
export async function whereToBegin(
  engine: Engine,
  container: string,
  { gtids, binlog, serverUuid }: Pick<DatabaseCopy, 'gtids' | 'binlog' | 'serverUuid'>,
): Promise<{ from: string; isComplete: boolean }> {
  const rows = await runSql(engine, container, [
    `SELECT @@server_uuid, GTID_SUBSET(@@global.gtid_purged, '${gtids}');`,
    'SHOW BINARY LOGS;',
  ]);
  const [head = '', ...logs] = rows.split('\n').filter(Boolean);
  const [uuid, isSubset] = head.split('\t');
  const names = logs.map((line) => line.split('\t')[0]!);
  const from = uuid === serverUuid && names.includes(binlog) ? binlog : names[0]!;
  return { from, isComplete: isSubset === '1' };
}

/** Counts the lines that `mysqlbinlog --verbose` prints for each row; knows one unfinished line and the sums. */
export class ChangeCounter {
  exitCode: number | undefined;
  #line = '';
  #transactions = 0;
  #commits = 0;
  readonly #tables = new Map<string, { inserted: number; updated: number; deleted: number }>();

  push(text: string): void {
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop()!;
    for (const line of lines) this.#count(line);
  }

  result(): Omit<DatabaseChanges, 'isComplete'> {
    const tables = [...this.#tables].map(([table, counts]) => ({ table, ...counts }));
    return {
      transactions: this.#transactions,
      // Rows end with COMMIT; any other statement is a transaction by itself.
      schemaChanges: this.#transactions - this.#commits,
      tables: tables.toSorted((a, b) => (a.table < b.table ? -1 : 1)),
    };
  }

  #count(line: string): void {
    if (line.startsWith('SET ')) this.#transactions += 1;
    else if (line.startsWith('COMMIT')) this.#commits += 1;
    else if (line.startsWith('=')) this.exitCode = Number(END.exec(line)?.[1] ?? -1);
    else this.#countRow(line);
  }

  #countRow(line: string): void {
    const match = ROW.exec(line);
    if (match === null) return;
    const [, kind, schema, table] = match;
    const name = Buffer.from(`${schema}.${table}`.replaceAll('``', '`'), 'latin1').toString('utf8');
    const counts = this.#tables.get(name) ?? { inserted: 0, updated: 0, deleted: 0 };
    counts[KIND[kind as keyof typeof KIND]] += 1;
    this.#tables.set(name, counts);
  }
}

function unreadable(stderr: string): OnsteadError {
  const said = stderr.trim().split('\n').at(-1) ?? '';
  return new OnsteadError(
    'database.binlog',
    `The database's own record of changes could not be read: ${said}`,
    {
      next: 'Look at the database with `onstead logs mysql`; `onstead rollback --uncounted` goes without the count.',
    },
  );
}

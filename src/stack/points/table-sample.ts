// A sample of a database's tables, counted and summed, so that the same can be asked before and after its server is
// replaced. Bounded: a large table is counted by nobody here.

import { OnsteadError } from '../../base/errors.ts';
import { MIB } from '../../base/units.ts';
import type { Engine } from '../../engine/index.ts';
import { runSql } from '../database.ts';

export interface TableSum {
  /** `schema.table`, quoted as SQL reads it. */
  readonly table: string;
  readonly rows: number;
  readonly checksum: string;
}

export interface DatabaseSample {
  /** How many tables there are in all. */
  readonly tables: number;
  readonly sums: readonly TableSum[];
}

const TABLES = 8;
const TABLE_BYTES = 64 * MIB;
const OWN_SCHEMAS = "'mysql','sys','performance_schema','information_schema'";
const PEOPLES_TABLES = `table_type = 'BASE TABLE' AND table_schema NOT IN (${OWN_SCHEMAS})`;
export const SAMPLED_WITHIN_MS = 5 * 60_000;

/** The largest tables that are still small enough, or those of an earlier sample. Nothing may write meanwhile. */
export async function sampleDatabase(
  engine: Engine,
  container: string,
  like?: DatabaseSample,
): Promise<DatabaseSample> {
  const chosen = like?.sums.map(({ table }) => table) ?? (await chooseTables(engine, container));
  const answer = await runSql(engine, container, sampleStatements(chosen), { timeoutMs: SAMPLED_WITHIN_MS });
  return sampleFrom(chosen, answer.split('\n'));
}

const quoted = (column: string): string => `'\`', REPLACE(${column}, '\`', '\`\`'), '\`'`;

/** Answers a line a table. */
export const tablesToSample = `SELECT CONCAT(${quoted('table_schema')}, '.', ${quoted('table_name')})
  FROM information_schema.tables WHERE ${PEOPLES_TABLES} AND data_length <= ${TABLE_BYTES}
  ORDER BY data_length DESC, 1 LIMIT ${TABLES};`;

async function chooseTables(engine: Engine, container: string): Promise<string[]> {
  const listed = await runSql(engine, container, [tablesToSample]);
  return listed.split('\n').filter(Boolean);
}

/** To be asked at once, with whatever belongs to the same moment: requests may be waiting for it. */
export function sampleStatements(tables: readonly string[]): string[] {
  return [
    `SELECT COUNT(*) FROM information_schema.tables WHERE ${PEOPLES_TABLES};`,
    ...tables.flatMap((table) => [`SELECT COUNT(*) FROM ${table};`, `CHECKSUM TABLE ${table};`]),
  ];
}

/** From the answer's lines, which begin with those of `sampleStatements`. */
export function sampleFrom(
  tables: readonly string[],
  [count = '', ...lines]: readonly string[],
): DatabaseSample {
  const sums = tables.map((table, at): TableSum => {
    const checksum = lines[at * 2 + 1]?.split('\t').at(-1) ?? '';
    return { table, rows: Number(lines[at * 2]), checksum };
  });
  return { tables: Number(count), sums };
}

/** Throws where a table of the sample is not what it was before, or a table is gone. */
export function refuseOtherData(before: DatabaseSample, after: DatabaseSample): void {
  const wrong = before.sums.flatMap((was, at) => {
    const is = after.sums[at];
    if (is?.rows === was.rows && is.checksum === was.checksum) return [];
    return [`${was.table}: ${was.rows} rows before, ${is?.rows ?? 'none'} now`];
  });
  if (after.tables !== before.tables) wrong.push(`${before.tables} tables before, ${after.tables} now`);
  if (wrong.length === 0) return;
  throw new OnsteadError(
    'database.other-data',
    `The database does not hold what it held before: ${wrong[0]}.`,
    {
      next: 'Do not go on with it: the data of before is kept; see `onstead operations show`.',
      details: wrong.map((message) => ({ message })),
    },
  );
}

// CLONE copies InnoDB alone: tables of other engines arrive empty, and nobody is told. So they are refused by name.

import { OnsteadError } from '../../base/errors.ts';
import type { Engine } from '../../engine/index.ts';
import { runSql } from '../database.ts';

const OWN_SCHEMAS = "'mysql','sys','performance_schema','information_schema'";
/** Their rows are gone after a restart too, or are kept elsewhere. */
const WITHOUT_ROWS = new Set(['MEMORY', 'BLACKHOLE', 'FEDERATED', 'PERFORMANCE_SCHEMA']);
const NAMED = 20;

/**
 * Throws where a table of another engine than InnoDB holds a row. Also where the name of one has a backtick in it:
 * MySQL 9.7 does not start on a clone with such a table, even an empty one.
 */
export async function refuseOtherEngines(engine: Engine, container: string): Promise<void> {
  const rows = await runSql(engine, container, [
    `SELECT table_schema, table_name, engine FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND table_schema NOT IN (${OWN_SCHEMAS}) AND engine <> 'InnoDB' ORDER BY 1, 2;`,
  ]);
  const found: string[] = [];
  for (const row of rows.split('\n').filter(Boolean)) {
    const [schema, table, kind] = row.split('\t') as [string, string, string];
    const name = `${quoted(schema)}.${quoted(table)}`;
    if (name.includes('``') || (!WITHOUT_ROWS.has(kind) && (await hasRow(engine, container, name)))) {
      found.push(`${schema}.${table} (${kind})`);
    }
  }
  if (found.length > 0) throw notInnodb(found);
}

async function hasRow(engine: Engine, container: string, name: string): Promise<boolean> {
  return (await runSql(engine, container, [`SELECT EXISTS(SELECT 1 FROM ${name});`])).trim() === '1';
}

/** A name as the client printed it: a backslash, tab or line end in it was escaped. */
function quoted(name: string): string {
  const plain = name.replaceAll(/\\([\\tn0])/g, (_, sign: string) => ESCAPED[sign] ?? sign);
  return `\`${plain.replaceAll('`', '``')}\``;
}
const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\', t: '\t', n: '\n', 0: '\0' };

function notInnodb(found: readonly string[]): OnsteadError {
  const names =
    found.slice(0, NAMED).join(', ') + (found.length > NAMED ? `, and ${found.length - NAMED} more` : '');
  return new OnsteadError(
    'database.other-engine',
    `A restore point holds InnoDB tables alone; it cannot hold these: ${names}.`,
    {
      next: 'Change them with `ALTER TABLE … ENGINE=InnoDB`, or ask the vendor to, then try again.',
      details: found.map((table) => ({ message: table })),
    },
  );
}

// What a MySQL held when its server was ended, and whether the next one holds it too. Its transactions are counted by
// their identifiers: where nothing was written since, the sums of its tables must be the same to the byte.

import { OnsteadError } from '../../base/errors.ts';
import type { Engine } from '../../engine/index.ts';
import { runSql } from '../database.ts';
import {
  refuseOtherData,
  sampleFrom,
  sampleStatements,
  SAMPLED_WITHIN_MS,
  tablesToSample,
  type DatabaseSample,
} from '../points/table-sample.ts';

export interface DatabaseState {
  /** Every transaction that it held. */
  readonly gtids: string;
  readonly sample: DatabaseSample;
  /** Nobody wrote while the sample was taken, so that it belongs to exactly these transactions. */
  readonly isExact: boolean;
}

const TRIES = 3;
/** Marked, because an empty set is an empty line; a long one comes in several lines, which the client writes as `\n`. */
const GTIDS = "SELECT CONCAT('gtids=', @@global.gtid_executed);";

/** What was read earlier is kept where not one transaction came since. */
export async function readState(
  engine: Engine,
  container: string,
  earlier?: DatabaseState,
): Promise<DatabaseState> {
  const [now, ...chosen] = await ask(engine, container, [GTIDS, tablesToSample]);
  if (earlier?.isExact === true && gtidsIn(now) === earlier.gtids) return earlier;
  for (let tries = 1; ; tries += 1) {
    const lines = await ask(engine, container, [GTIDS, ...sampleStatements(chosen), GTIDS]);
    const [before, gtids] = [gtidsIn(lines[0]), gtidsIn(lines.at(-1))];
    const isExact = gtids === before;
    // Whoever writes past the edge does not wait there.
    if (isExact || tries === TRIES) return { gtids, sample: sampleFrom(chosen, lines.slice(1)), isExact };
  }
}

/** Throws where something is missing of what was held; says what was compared. */
export async function proveState(engine: Engine, container: string, before: DatabaseState): Promise<string> {
  if (!/^[0-9a-zA-Z_,:-]*$/.test(before.gtids)) throw lostTransactions();
  const chosen = before.sample.sums.map(({ table }) => table);
  const holdsAll = `SELECT GTID_SUBSET('${before.gtids}', @@global.gtid_executed);`;
  const questions = [holdsAll, GTIDS, ...sampleStatements(chosen), GTIDS];
  const [hasAll, now, ...lines] = await ask(engine, container, questions).catch(async (error: unknown) => {
    // A table that is not there is told from transactions that are not.
    if ((await ask(engine, container, [holdsAll]))[0] !== '1') throw lostTransactions();
    throw error;
  });
  if (hasAll !== '1') throw lostTransactions();
  const after = sampleFrom(chosen, lines);
  const rows = after.sums.reduce((sum, one) => sum + one.rows, 0).toLocaleString('en-US');
  const said = `${chosen.length} tables with ${rows} rows`;
  const isUntouched = [now, lines.at(-1)].every((line) => gtidsIn(line) === before.gtids);
  if (!before.isExact || !isUntouched) {
    return `every transaction of before is there, and more; ${said} were read`;
  }
  refuseOtherData(before.sample, after);
  return `every transaction of before is there; ${said} have the sums of before`;
}

/** It takes no more writing; returns every transaction that it holds. For a server that is about to leave. */
export async function endWriting(engine: Engine, container: string): Promise<string> {
  const [line] = await ask(engine, container, ['SET GLOBAL super_read_only = ON;', GTIDS]);
  return gtidsIn(line);
}

async function ask(engine: Engine, container: string, statements: readonly string[]): Promise<string[]> {
  const answer = await runSql(engine, container, statements, { timeoutMs: SAMPLED_WITHIN_MS });
  return answer.trimEnd().split('\n');
}

function gtidsIn(line = ''): string {
  return line.replace('gtids=', '').replaceAll(/\\n|\s/g, '');
}

function lostTransactions(): OnsteadError {
  return new OnsteadError('database.other-data', 'The database does not hold every transaction of before.', {
    next: 'Do not go on with it: the data of before is kept; see `onstead operations show`.',
  });
}

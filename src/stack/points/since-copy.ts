// What was written between a copy and a later moment, kept beside the copy as MySQL's own binlog: with it the copy
// becomes that moment, though nothing was held up while it was made. In one file that is whole or not there.

import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError } from '../../base/errors.ts';
import { run } from '../../base/process.ts';
import type { Engine } from '../../engine/index.ts';
import { runSql } from '../database.ts';
import { mysqlAdminFile } from '../services/mysql.ts';
import { readCopy, type DatabaseCopy } from './database-copy.ts';
import { findPlace, type CopyName, type CopyPlace } from './place.ts';
import { fromServer, whereToBegin } from './row-changes.ts';

export interface SinceTask extends CopyName {
  readonly engine: Engine;
  readonly container: string;
  readonly signal: AbortSignal;
}

const FILE = 'since.sql';
const WITHIN_MS = 60 * 60_000;

/** The transactions that the copy and what was kept since then hold together. Nothing has to be held up for it. */
export async function keepSinceCopy(task: SinceTask): Promise<string> {
  const { engine, container } = task;
  const copy = await readCopy(engine, task);
  const place = await findPlace(engine, task);
  if (copy === undefined || place === undefined) throw noCopy(task);
  const [now = '', missing = ''] = (await executedSince(engine, container, copy.gtids)).split('\t');
  const { from, isComplete } = await whereToBegin(engine, container, copy);
  await rm(join(place.folder, FILE), { force: true });
  // Where a binlog is gone that it would take, the copy alone is the moment.
  if (missing === '' || !isComplete) return copy.gtids;
  await keepBinlog(task, place, copy, { missing, from });
  return now;
}

/** To the server that runs on the restored copy. What it has already it passes over: this may be begun again. */
export async function applySinceCopy(task: SinceTask, gtids: string): Promise<void> {
  const { engine, container, signal } = task;
  const script = `f="$1"; shift; if [ -e "$f" ]; then exec "$@" < "$f"; fi`;
  const client = ['mysql', `--defaults-extra-file=${mysqlAdminFile}`, '--binary-mode'];
  const { code, stderr } = await engine.containers.exec(container, {
    cmd: ['sh', '-c', script, 'sh', insideOf(await placeOf(task)), ...client],
    timeoutMs: WITHIN_MS,
    signal,
  });
  const isThere = await runSql(engine, container, [
    `SELECT GTID_SUBSET('${gtids}', @@global.gtid_executed);`,
  ]);
  if (code !== 0 || isThere.trim() !== '1') throw notApplied(task, stderr);
}

/** Every transaction that the server has executed, but for these. */
export async function executedIn(engine: Engine, container: string, without = ''): Promise<string> {
  const rows = await runSql(engine, container, [
    `SELECT REPLACE(GTID_SUBTRACT(@@global.gtid_executed, '${without}'), '\\n', '');`,
  ]);
  return rows.trim();
}

/** What the server holds now, in one moment, and what of it the copy has not. */
function executedSince(engine: Engine, container: string, gtids: string): Promise<string> {
  return runSql(engine, container, [
    'SET @now = @@global.gtid_executed;',
    `SELECT REPLACE(@now, '\\n', ''), REPLACE(GTID_SUBTRACT(@now, '${gtids}'), '\\n', '');`,
  ]).then((row) => row.trimEnd());
}

async function keepBinlog(
  { engine, container, signal, service }: SinceTask,
  place: CopyPlace,
  copy: DatabaseCopy,
  { missing, from }: { readonly missing: string; readonly from: string },
): Promise<void> {
  const part = `${insideOf(place)}.part`;
  const { code, stderr } = await engine.containers.exec(container, {
    cmd: [
      ...['sh', '-c', 'f="$1"; shift; exec mysqlbinlog "$@" > "$f"', 'sh', part],
      ...fromServer(copy.gtids),
      ...[`--include-gtids=${missing}`, from],
    ],
    timeoutMs: WITHIN_MS,
    signal,
  });
  if (code !== 0) throw notKept(service, stderr);
  await run('sync', ['--file-system', place.folder], { timeoutMs: WITHIN_MS, signal });
  await rename(join(place.folder, `${FILE}.part`), join(place.folder, FILE));
}

async function placeOf(task: SinceTask): Promise<CopyPlace> {
  const place = await findPlace(task.engine, task);
  if (place === undefined) throw noCopy(task);
  return place;
}

function insideOf({ inside }: CopyPlace): string {
  return inside.replace(/data$/, FILE);
}

function noCopy({ point, service }: CopyName): OnsteadError {
  return new OnsteadError('points.no-copy', `The restore point ${point} has no whole copy of "${service}".`, {
    next: 'Choose another restore point.',
  });
}

function notKept(service: string, stderr: string): OnsteadError {
  return new OnsteadError(
    'points.not-kept',
    `What was written to "${service}" since its copy could not be kept: ${lastLine(stderr)}`,
    { next: `Look at the database with \`onstead logs ${service}\`, then try again.` },
  );
}

function notApplied({ service }: CopyName, stderr: string): OnsteadError {
  return new OnsteadError(
    'points.not-applied',
    `What was written to "${service}" after its copy could not be put into it again: ${lastLine(stderr)}`,
    { next: `Look at the database with \`onstead logs ${service}\`; its volume of before is kept.` },
  );
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

// What an operation knows of a data service that it replaces: kept in its own folder from before the first stop, so that
// a daemon that comes back knows which containers are the old ones, what they held, and whether there is a way on.

import { join } from 'node:path';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../../../base/files.ts';
import type { ErrorReport } from '../../../base/errors.ts';
import type { ContainerSummary } from '../../../engine/index.ts';
import type { DatabaseState, RedisState, SampledObject } from '../../../stack/index.ts';
import { pointFolder } from '../../points.ts';
import type { DeployTools } from '../../tools.ts';

/** By the service's role. */
export interface Held {
  readonly mysql?: DatabaseState;
  readonly redis?: RedisState;
  readonly minio?: readonly SampledObject[];
}

export interface DataRecord {
  /** Its containers when the operation came to it. */
  readonly stale: readonly string[];
  /** Replicas of the app that were ready then. */
  readonly ready: readonly string[];
  /** What was seen of that before requests waited; a first look, which the next one may keep. */
  readonly early?: Held;
  /** What they held just before they were ended. */
  readonly held?: Held;
  /** The old one was killed: the next one has its log to go through first. */
  readonly wasKilled?: true;
  /** Others may have written to the new one: what it holds is more than what was held. */
  readonly isOpen?: true;
  /** It is replaced, and proven. */
  readonly isDone?: true;
  /** Why it is taken back: from then on there is no way on. */
  readonly refused?: ErrorReport;
  /** The new containers, found when going back began; those that are made from then on are old ones again. */
  readonly fresh?: readonly string[];
  /** These have ended before any request went on. */
  readonly isEnded?: true;
  /** It is as it was. */
  readonly isBack?: true;
}

/**
 * Asked by whoever finds a record that he did not write: requests went on in between, so a new one that has run since may
 * have been written to. Pure.
 */
export function mayBeWritten(
  { stale, fresh, isOpen, isEnded }: DataRecord,
  containers: readonly Pick<ContainerSummary, 'id' | 'status'>[],
): boolean {
  if (isOpen === true) return true;
  return containers
    .filter(({ id }) => !stale.includes(id) && (fresh === undefined || fresh.includes(id)))
    .some(({ status }) => status !== 'created' && (status !== 'exited' || isEnded !== true));
}

type Where = Pick<DeployTools, 'paths'>;

export async function readRecord(
  where: Where,
  operation: string,
  service: string,
): Promise<DataRecord | undefined> {
  const text = await readTextIfAny(fileOf(where, operation, service));
  return text === undefined ? undefined : (JSON.parse(text) as DataRecord); // written below
}

export async function writeRecord(
  where: Where,
  operation: string,
  service: string,
  record: DataRecord,
): Promise<DataRecord> {
  await ensureFolder(folderOf(where, operation));
  await writeFileAtomic(fileOf(where, operation, service), `${JSON.stringify(record)}\n`);
  return record;
}

/** Where the last copy of a service's files lies, if it has one there. */
export function keptFilesOf(where: Where, operation: string, service: string): string {
  return join(folderOf(where, operation), `${service}.files`);
}

function folderOf(where: Where, operation: string): string {
  return join(pointFolder(where, operation), 'replaced');
}

function fileOf(where: Where, operation: string, service: string): string {
  return join(folderOf(where, operation), `${service}.json`);
}

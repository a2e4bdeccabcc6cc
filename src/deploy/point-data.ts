// The data that belongs to a point: a copy of each database and a cut of each object store.

import { join } from 'node:path';
import { messageOf, OnsteadError } from '../base/errors.ts';
import { readTextIfAny, writeFileAtomic } from '../base/files.ts';
import { isRetryable } from '../engine/index.ts';
import type { StepContext } from '../journal/index.ts';
import type { Release, ReleaseService } from '../release/index.ts';
import { copyDatabase, keepSinceCopy, kindOf, type ObjectCut } from '../stack/index.ts';
import { readFact } from './facts.ts';
import { cutStore, storesOf } from './object-versions.ts';
import { pointFolder } from './points.ts';
import { stackRelease } from './stack-files.ts';
import { accessTo } from './steps/data-steps.ts';
import { healthyContainer, type DeployTools } from './tools.ts';

export interface PointData {
  readonly databases: readonly PointDatabase[];
  readonly stores: readonly PointStore[];
}

export interface PointStore {
  readonly service: string;
  readonly cut: ObjectCut;
}

export interface PointDatabase {
  readonly service: string;
  /** The release's name of the volume that holds its data. */
  readonly key: string;
  /** What it held when the migration began; absent where the copy alone is what the way back leads to. */
  readonly gtids?: string;
  /** Stands for a copy: nobody runs on it any more, and it is exactly what was left. */
  readonly volume?: string;
}

const DATA = 'data.json';
const MOMENT = 'moment.json';

/**
 * Keeps the data of the running stack in this point: databases first, objects second. Once: what is kept already
 * stays as it is.
 */
export async function keepPointData(tools: DeployTools, point: string, signal: AbortSignal): Promise<void> {
  const project = readFact(tools.journal, 'installed')?.project;
  if (project === undefined || (await readPointData(tools, point)) !== undefined) return;
  const { services } = await stackRelease(tools);
  const { clock } = tools;
  const engine = await tools.engine();
  const databases = databasesOf(services);
  for (const { service } of databases) {
    const container = await healthyContainer(tools, project, service, signal);
    await copyDatabase({ engine, clock, project, point, service, container, signal });
  }
  const stores: PointStore[] = [];
  for (const { service, buckets } of storesOf(services)) {
    const access = await accessTo(tools, await healthyContainer(tools, project, service, signal));
    stores.push({ service, cut: await cutStore(tools, { service, buckets, access }, signal) });
  }
  await writeData(join(pointFolder(tools, point), DATA), { databases, stores });
}

const WELL_WITHIN_MS = 60_000;

/** Where a data service is not well, and does not become so by being started, the point is without data. */
export async function keepPointDataIfWell(
  tools: DeployTools,
  point: string,
  { signal, note }: Pick<StepContext, 'signal' | 'note'>,
): Promise<void> {
  const project = readFact(tools.journal, 'installed')?.project;
  if (project === undefined) return;
  try {
    const { services } = await stackRelease(tools);
    for (const { service } of [...databasesOf(services), ...storesOf(services)]) {
      await healthyContainer(tools, project, service, signal, WELL_WITHIN_MS);
    }
    await keepPointData(tools, point, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (isRetryable(error)) throw error;
    note(`The data of now could not be kept, so no way leads back to it: ${messageOf(error)}`);
  }
}

/**
 * The moment before a migration begins takes the place of that of the copy: what was written in between is kept beside
 * the copy. Once, and without holding anybody up.
 */
export async function keepPointMoment(
  tools: DeployTools,
  { project, point, signal }: { project: string; point: string; signal: AbortSignal },
): Promise<void> {
  const file = join(pointFolder(tools, point), MOMENT);
  const data = await readPointData(tools, point);
  if (data === undefined || (await readTextIfAny(file)) !== undefined) return;
  const engine = await tools.engine();
  const databases: PointDatabase[] = [];
  for (const one of data.databases) {
    const container = await healthyContainer(tools, project, one.service, signal);
    const task = { engine, project, point, service: one.service, container, signal };
    databases.push({ ...one, gtids: await keepSinceCopy(task) });
  }
  const stores: PointStore[] = [];
  for (const { service, cut } of data.stores) {
    const access = await accessTo(tools, await healthyContainer(tools, project, service, signal));
    const { buckets } = cut;
    stores.push({ service, cut: await cutStore(tools, { service, buckets, access }, signal) });
  }
  await writeData(file, { databases, stores });
}

/** What an operation left when it put other data in place: the volumes themselves, and the objects of that moment. */
export function keepPointAsLeft(tools: DeployTools, point: string, data: PointData): Promise<void> {
  return writeData(join(pointFolder(tools, point), MOMENT), data);
}

/** Undefined where none was kept, or not to its end. */
export async function readPointData(
  tools: Pick<DeployTools, 'paths'>,
  point: string,
): Promise<PointData | undefined> {
  const folder = pointFolder(tools, point);
  const text = (await readTextIfAny(join(folder, MOMENT))) ?? (await readTextIfAny(join(folder, DATA)));
  return text === undefined ? undefined : (JSON.parse(text) as PointData);
}

function writeData(file: string, data: PointData): Promise<void> {
  return writeFileAtomic(file, `${JSON.stringify(data, null, 1)}\n`);
}

export async function requirePointData(tools: DeployTools, point: string): Promise<PointData> {
  const data = await readPointData(tools, point);
  if (data !== undefined) return data;
  throw new OnsteadError('points.no-data', `The restore point ${point} has no data with it.`, {
    next: 'Choose another restore point: `onstead rollback --to ID`.',
  });
}

export function databasesOf(services: Release['services']): PointDatabase[] {
  return services.flatMap((service) => {
    if (service.role !== 'mysql') return [];
    const key = volumeKeyOf(service);
    return key === undefined ? [] : [{ service: service.name, key }];
  });
}

/** The named volume at the data folder of the service's kind. */
export function volumeKeyOf(service: ReleaseService): string | undefined {
  const folder = kindOf(service)?.dataFolder;
  const entries = service.compose['volumes'];
  if (!Array.isArray(entries)) return undefined;
  for (const entry of entries as unknown[]) {
    const [source, target] = placesOf(entry);
    if (target === folder) return source;
  }
  return undefined;
}

/** Compose writes a mount as a text or as an object. */
function placesOf(entry: unknown): [string | undefined, string | undefined] {
  if (typeof entry === 'string') {
    const [source, target] = entry.split(':');
    return [source, target?.replace(/\/$/, '')];
  }
  const { source, target } = entry as { source?: string; target?: string };
  return [source, target?.replace(/\/$/, '')];
}

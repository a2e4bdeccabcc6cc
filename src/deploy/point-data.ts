// The data that belongs to a point: a copy of each database and a cut of each object store. What is kept of it follows
// from the points that there are, so that whatever a kill left is found and cleared the next time.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError } from '../base/errors.ts';
import { readTextIfAny, writeFileAtomic } from '../base/files.ts';
import type { Release, ReleaseService } from '../release/index.ts';
import {
  copyDatabase,
  countObjectChanges,
  countRowChanges,
  cutObjects,
  endClones,
  kindOf,
  pointsWithCopies,
  readCopy,
  removePointCopies,
  sweepObjects,
  type DatabaseChanges,
  type ObjectChanges,
  type ObjectCut,
} from '../stack/index.ts';
import { readFact } from './facts.ts';
import { pointFolder } from './points.ts';
import { stackRelease } from './stack-files.ts';
import { accessTo } from './steps/data-steps.ts';
import { containerIfWell, healthyContainer, type DeployTools } from './tools.ts';

export interface PointData {
  readonly databases: readonly PointDatabase[];
  readonly stores: readonly { readonly service: string; readonly cut: ObjectCut }[];
}

export interface PointDatabase {
  readonly service: string;
  /** The release's name of the volume that holds its data. */
  readonly key: string;
}

/** What going back to a point would lose. */
export interface PointLoss {
  readonly databases: readonly { readonly service: string; readonly changes: DatabaseChanges }[];
  readonly objects: ObjectChanges;
}

const DATA = 'data.json';

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
  const stores: { service: string; cut: ObjectCut }[] = [];
  for (const { service, buckets } of storesOf(services)) {
    const access = await accessTo(tools, await healthyContainer(tools, project, service, signal));
    stores.push({ service, cut: await cutObjects(access, buckets, signal) });
  }
  const data: PointData = { databases, stores };
  await writeFileAtomic(join(pointFolder(tools, point), DATA), `${JSON.stringify(data, null, 1)}\n`);
}

/** Undefined where none was kept, or not to its end. */
export async function readPointData(tools: DeployTools, point: string): Promise<PointData | undefined> {
  const text = await readTextIfAny(join(pointFolder(tools, point), DATA));
  return text === undefined ? undefined : (JSON.parse(text) as PointData);
}

export async function requirePointData(tools: DeployTools, point: string): Promise<PointData> {
  const data = await readPointData(tools, point);
  if (data !== undefined) return data;
  throw new OnsteadError('points.no-data', `The restore point ${point} has no data with it.`, {
    next: 'Choose another restore point, or roll back with --keep-data.',
  });
}

/** Changes nothing; the services are asked as they run. */
export async function countPointLoss(
  tools: DeployTools,
  project: string,
  point: string,
  signal: AbortSignal,
): Promise<PointLoss> {
  const engine = await tools.engine();
  const data = await requirePointData(tools, point);
  const databases: { service: string; changes: DatabaseChanges }[] = [];
  for (const { service } of data.databases) {
    const copy = await readCopy(engine, { project, point, service });
    if (copy === undefined) continue;
    const container = await healthyContainer(tools, project, service, signal);
    databases.push({ service, changes: await countRowChanges(engine, container, copy, signal) });
  }
  const objects = { written: 0, deleted: 0, versions: 0 };
  for (const { service, cut } of data.stores) {
    const access = await accessTo(tools, await healthyContainer(tools, project, service, signal));
    const { written, deleted, versions } = await countObjectChanges(access, cut, signal);
    objects.written += written;
    objects.deleted += deleted;
    objects.versions += versions;
  }
  return { databases, objects };
}

/** Removes the data of points that are gone: their copies, and the versions of objects that no other point needs. */
export async function forgetPointData(tools: DeployTools): Promise<void> {
  const project = readFact(tools.journal, 'installed')?.project;
  if (project === undefined) return;
  const engine = await tools.engine();
  const kept = await readdir(tools.paths.points).catch((): string[] => []);
  const { services } = await stackRelease(tools);
  const gone = (await pointsWithCopies(engine, project)).filter((point) => !kept.includes(point));
  if (gone.length > 0) {
    for (const { service } of databasesOf(services)) {
      const container = await containerIfWell(tools, project, service);
      if (container !== undefined) await endClones({ engine, clock: tools.clock, container });
    }
  }
  for (const point of gone) await removePointCopies(engine, project, point);
  const data = (await Promise.all(kept.map((point) => readPointData(tools, point)))).flatMap(
    (one) => one ?? [],
  );
  for (const { service, buckets } of storesOf(services)) {
    const container = await containerIfWell(tools, project, service);
    if (container === undefined) continue;
    const cuts = data.flatMap(({ stores }) => stores.filter((store) => store.service === service));
    await sweepObjects(
      await accessTo(tools, container),
      buckets,
      cuts.map(({ cut }) => cut.cutMs),
    );
  }
}

function databasesOf(services: Release['services']): PointDatabase[] {
  return services.flatMap((service) => {
    if (service.role !== 'mysql') return [];
    const key = volumeKeyOf(service);
    return key === undefined ? [] : [{ service: service.name, key }];
  });
}

function storesOf(services: Release['services']): { service: string; buckets: readonly string[] }[] {
  return services.flatMap((one) =>
    one.role === 'minio' && one.buckets.length > 0 ? [{ service: one.name, buckets: one.buckets }] : [],
  );
}

/** The named volume at the data folder of the service's kind. */
function volumeKeyOf(service: ReleaseService): string | undefined {
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

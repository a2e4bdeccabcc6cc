// What going back to a point would take away, counted: rows by table, objects by number. What a migration wrote itself
// is nobody's loss; where it cannot be told from what people wrote, that is said.

import { join } from 'node:path';
import { readTextIfAny, writeFileAtomic } from '../base/files.ts';
import {
  countObjectChanges,
  countRowChanges,
  executedIn,
  readCopy,
  type DatabaseChanges,
  type ObjectChanges,
} from '../stack/index.ts';
import { requirePointData } from './point-data.ts';
import { pointFolder } from './points.ts';
import { accessTo } from './steps/data-steps.ts';
import { healthyContainer, type DeployTools } from './tools.ts';

export interface PointLoss {
  readonly databases: readonly { readonly service: string; readonly changes: DatabaseChanges }[];
  readonly objects: ObjectChanges;
  /** True where what migrations wrote is among it. */
  readonly hasMigrations: boolean;
}

/** By database: the transactions of a migration. Null from its beginning until they are known. */
type OwnWrites = Readonly<Record<string, Readonly<Record<string, string>> | null>>;

/** The project's containers, at this point, as long as nobody wants it to end. */
export interface AtPoint {
  readonly project: string;
  readonly point: string;
  readonly signal: AbortSignal;
}

const OWN = 'migrations.json';

/** Changes nothing; the services are asked as they run. */
export async function countPointLoss(tools: DeployTools, at: AtPoint): Promise<PointLoss> {
  const { project, point, signal } = at;
  const engine = await tools.engine();
  const data = await requirePointData(tools, point);
  const own = await readOwn(tools, point);
  const databases: { service: string; changes: DatabaseChanges }[] = [];
  for (const { service, gtids } of data.databases) {
    const copy = await readCopy(engine, { project, point, service });
    if (copy === undefined) continue;
    const migrations = Object.values(own).flatMap((writes) => writes?.[service] ?? []);
    const known = [gtids ?? copy.gtids, ...migrations].filter((set) => set !== '').join(',');
    const container = await healthyContainer(tools, project, service, signal);
    const changes = await countRowChanges(engine, container, { ...copy, gtids: known }, signal);
    databases.push({ service, changes });
  }
  const objects = { written: 0, deleted: 0, versions: 0 };
  for (const { service, cut } of data.stores) {
    const access = await accessTo(tools, await healthyContainer(tools, project, service, signal));
    const { written, deleted, versions } = await countObjectChanges(access, cut, signal);
    objects.written += written;
    objects.deleted += deleted;
    objects.versions += versions;
  }
  return { databases, objects, hasMigrations: Object.values(own).includes(null) };
}

/** What it writes to the databases is known afterwards, if nobody else wrote meanwhile: `isAlone` says whether. */
export async function countAsOwn<T>(
  tools: DeployTools,
  at: AtPoint & { readonly service: string; readonly isAlone: () => boolean },
  migrate: () => Promise<T>,
): Promise<T> {
  const isRepeated = await wasMigrationBegun(tools, at);
  await writeOwn(tools, at, null);
  const before = await executed(tools, at);
  try {
    return await migrate();
  } finally {
    if (!isRepeated && at.isAlone()) await rememberOwn(tools, at, before);
  }
}

/** Whether this service's migration may have changed anything since the point. */
export async function wasMigrationBegun(
  tools: DeployTools,
  { point, service }: { readonly point: string; readonly service: string },
): Promise<boolean> {
  return service in (await readOwn(tools, point));
}

/** Left unknown where it cannot be asked: then it counts as if people had written it. */
async function rememberOwn(
  tools: DeployTools,
  at: AtPoint & { readonly service: string },
  before: Readonly<Record<string, string>>,
): Promise<void> {
  const own = await executed(tools, at, before).catch(() => null);
  await writeOwn(tools, at, own);
}

/** The transactions of each database, but for these. */
async function executed(
  tools: DeployTools,
  { project, point, signal }: AtPoint,
  without: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const engine = await tools.engine();
  const sets: Record<string, string> = {};
  for (const { service } of (await requirePointData(tools, point)).databases) {
    const container = await healthyContainer(tools, project, service, signal);
    sets[service] = await executedIn(engine, container, without[service]);
  }
  return sets;
}

async function readOwn(tools: DeployTools, point: string): Promise<OwnWrites> {
  const text = await readTextIfAny(join(pointFolder(tools, point), OWN));
  return text === undefined ? {} : (JSON.parse(text) as OwnWrites);
}

async function writeOwn(
  tools: DeployTools,
  { point, service }: { readonly point: string; readonly service: string },
  writes: OwnWrites[string],
): Promise<void> {
  const all: OwnWrites = { ...(await readOwn(tools, point)), [service]: writes };
  await writeFileAtomic(join(pointFolder(tools, point), OWN), `${JSON.stringify(all, null, 1)}\n`);
}

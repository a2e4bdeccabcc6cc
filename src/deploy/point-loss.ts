// What going back to a point would take away, counted: rows by table, objects by number. What a migration wrote itself
// is nobody's loss; where it cannot be told from what people wrote, that is said.

import { join } from 'node:path';
import { isOnsteadError, OnsteadError } from '../base/errors.ts';
import { readTextIfAny, writeFileAtomic } from '../base/files.ts';
import { isRetryable } from '../engine/index.ts';
import {
  countObjectChanges,
  countRowChanges,
  executedIn,
  readCopy,
  type DatabaseChanges,
  type ObjectChanges,
} from '../stack/index.ts';
import { readPointData, requirePointData, type PointData } from './point-data.ts';
import { pointFolder } from './points.ts';
import { accessTo } from './steps/data-steps.ts';
import { containerIfWell, healthyContainer, type DeployTools } from './tools.ts';

export interface PointLoss {
  readonly databases: readonly { readonly service: string; readonly changes: DatabaseChanges }[];
  readonly objects: ObjectChanges;
  /** True where what migrations wrote is among it. */
  readonly hasMigrations: boolean;
  /** Data services of which nothing is known. */
  readonly unknown: readonly { readonly service: string; readonly why: string }[];
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

/** A service that is not well is waited for, and started where it does not run. */
export async function countPointLoss(tools: DeployTools, at: AtPoint): Promise<PointLoss> {
  const data = await requirePointData(tools, at.point);
  return countLoss(tools, at, data, {
    containerOf: (service) => healthyContainer(tools, at.project, service, at.signal),
    orElse: (_service, error) => {
      throw error;
    },
  });
}

/** Changes nothing, starts nothing and waits for nobody: of what cannot be asked now nothing is known. */
export async function lookAtPointLoss(tools: DeployTools, at: AtPoint): Promise<PointLoss> {
  const data = await readPointData(tools, at.point);
  const unknown: { service: string; why: string }[] = [];
  const loss = await countLoss(tools, at, data ?? { databases: [], stores: [] }, {
    containerOf: async (service) => {
      const container = await containerIfWell(tools, at.project, service);
      if (container === undefined) throw notWell(service);
      return container;
    },
    orElse: (service, error) => {
      at.signal.throwIfAborted();
      if (!isOnsteadError(error) || isRetryable(error)) throw error;
      unknown.push({ service, why: error.message });
    },
  });
  return { ...loss, unknown: [...loss.unknown, ...unknown] };
}

interface Asking {
  readonly containerOf: (service: string) => Promise<string>;
  /** Of a service that could not be asked. */
  readonly orElse: (service: string, error: unknown) => void;
}

async function countLoss(
  tools: DeployTools,
  { project, point, signal }: AtPoint,
  data: PointData,
  { containerOf, orElse }: Asking,
): Promise<PointLoss> {
  const engine = await tools.engine();
  const own = await readOwn(tools, point);
  const databases: { service: string; changes: DatabaseChanges }[] = [];
  const unknown: { service: string; why: string }[] = [];
  for (const { service, gtids, volume } of data.databases) {
    // Of a volume that stands for a copy only its transactions are known: all binlogs are looked through.
    const left = gtids === undefined ? undefined : { gtids, binlog: '', serverUuid: '' };
    const copy = (await readCopy(engine, { project, point, service })) ?? left;
    if (copy === undefined && volume !== undefined) {
      unknown.push({ service, why: `${service} did not answer when its data was left` });
    }
    if (copy === undefined) continue;
    const migrations = Object.values(own).flatMap((writes) => writes?.[service] ?? []);
    const known = [gtids ?? copy.gtids, ...migrations].filter((set) => set !== '').join(',');
    try {
      const container = await containerOf(service);
      const changes = await countRowChanges(engine, container, { ...copy, gtids: known }, signal);
      databases.push({ service, changes });
    } catch (error) {
      orElse(service, error);
    }
  }
  const objects = { written: 0, deleted: 0, versions: 0 };
  for (const { service, cut } of data.stores) {
    try {
      const access = await accessTo(tools, await containerOf(service));
      const { written, deleted, versions } = await countObjectChanges(access, cut, signal);
      objects.written += written;
      objects.deleted += deleted;
      objects.versions += versions;
    } catch (error) {
      orElse(service, error);
    }
  }
  return { databases, objects, hasMigrations: Object.values(own).includes(null), unknown };
}

function notWell(service: string): OnsteadError {
  return new OnsteadError('database.not-running', `${service} does not answer`, {
    next: `See \`onstead logs ${service}\`.`,
  });
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

// The data of a point takes the place of the data of now: each database in a new volume, then the objects. Requests wait
// at the edge meanwhile, and whoever writes is not there. The old volumes stay until an operation is committed.

import type { StepContext } from '../../../journal/index.ts';
import {
  applySinceCopy,
  holdRequests,
  readStack,
  restoreDatabase,
  restoredVolumeOf,
  restoreObjects,
  userOf,
  withVolumes,
  writeStack,
} from '../../../stack/index.ts';
import { edgeOf } from '../../edge-of.ts';
import { readFact, volumeNameOf, writeFact } from '../../facts.ts';
import { requirePointData, type PointData } from '../../point-data.ts';
import { stackRelease } from '../../stack-files.ts';
import { accessTo } from '../../steps/data-steps.ts';
import { containersOf, healthyContainer, removeContainersOf, type DeployTools } from '../../tools.ts';

export interface RestoreData {
  readonly project: string;
  readonly point: string;
  /** Apps and workers: they leave before the data does, and come back as the stack's files say then. */
  readonly writers: readonly string[];
}

/** Longer than a restore of an ordinary size; after it requests meet whatever is there. */
export const HOLD_LIMIT_MS = 2 * 60_000;
const READY_WITHIN_MS = 5 * 60_000;
/** Longer than nginx keeps an answer of the engine's resolver: the replicas have new addresses. */
const RESOLVED_WITHIN_MS = 3_000;

type Volumes = Readonly<Record<string, string>>;

/**
 * The edge goes by the service's name: the replicas that come back have other addresses. May be begun again after a kill
 * at any moment. `before` is the last that is done while the newer data is still there.
 */
export async function restorePoint(
  tools: DeployTools,
  input: RestoreData,
  context: StepContext,
  before: () => Promise<void> = async () => {},
): Promise<string> {
  const { signal } = context;
  const volumes = await beginRestore(tools, input, context);
  return holdRequests(await edgeOf(tools), { limitMs: HOLD_LIMIT_MS, signal }, () =>
    restoreHeld(tools, input, context, { volumes, before }),
  );
}

/** The same where requests are held already and the edge goes by names. */
export async function restoreNow(
  tools: DeployTools,
  input: RestoreData,
  context: StepContext,
  before: () => Promise<void> = async () => {},
): Promise<string> {
  const volumes = await beginRestore(tools, input, context);
  return restoreHeld(tools, input, context, { volumes, before });
}

/** From its return on this operation has begun to restore, and nothing else may go on with the data of now. */
async function beginRestore(tools: DeployTools, input: RestoreData, context: StepContext): Promise<Volumes> {
  const { project, point } = input;
  const data = await requirePointData(tools, point);
  rememberBefore(tools, project, data, context.operation);
  return fillVolumes(tools, input, data, context);
}

async function restoreHeld(
  tools: DeployTools,
  input: RestoreData,
  context: StepContext,
  { volumes, before }: { readonly volumes: Volumes; readonly before: () => Promise<void> },
): Promise<string> {
  const { journal } = tools;
  const said = await withoutWriters(tools, input, context, async () => {
    const restored = readFact(journal, 'restored')!; // written as it began
    // Once all of it was restored people have written to it: done again, that would be lost.
    if (restored.isDone === true) return 'restored before';
    const data = await requirePointData(tools, input.point);
    if (!isMoved(tools, input.project, volumes)) await before();
    await moveTo(tools, input.project, data, volumes, context);
    await putAfterCopy(tools, input, data, context);
    const removed = await restoreStores(tools, input, data, context);
    writeFact(journal, 'restored', { ...restored, isDone: true });
    return `${data.databases.length} databases restored, ${removed} newer versions of objects removed`;
  });
  writeFact(journal, 'restored', { ...readFact(journal, 'restored')!, isOver: true });
  return said;
}

/** Whoever writes is started anew afterwards, as the stack's files say. */
export async function withoutWriters<T>(
  tools: DeployTools,
  { project, writers }: RestoreData,
  { signal }: StepContext,
  work: () => Promise<T>,
): Promise<T> {
  await removeContainersOf(tools, project, writers);
  const done = await work();
  await (await tools.compose()).up({ services: writers, noDeps: true, signal });
  const engine = await tools.engine();
  const all = (await Promise.all(writers.map((name) => containersOf(tools, project, name)))).flat();
  await engine.containers.waitHealthy(
    all.map(({ id }) => id),
    { timeoutMs: READY_WITHIN_MS, signal },
  );
  await tools.clock.sleep(RESOLVED_WITHIN_MS, signal);
  return done;
}

/** Beside the running server, which notices nothing. */
async function fillVolumes(
  tools: DeployTools,
  { project, point }: Pick<RestoreData, 'project' | 'point'>,
  { databases }: PointData,
  { operation, signal }: StepContext,
): Promise<Volumes> {
  const engine = await tools.engine();
  const { services } = await stackRelease(tools);
  const stackFolder = tools.paths.stack;
  const volumes: Record<string, string> = {};
  for (const { service, key } of databases) {
    const name = restoredVolumeOf(project, key, operation);
    const found = services.find((one) => one.name === service);
    const owner = (found && userOf(found)) ?? '0:0';
    const volume = { key, name, owner, project, stackFolder, operation };
    await restoreDatabase({ engine, project, point, service, volume, signal });
    volumes[key] = name;
  }
  return volumes;
}

function rememberBefore(
  { journal }: DeployTools,
  project: string,
  { databases }: PointData,
  operation: string,
): void {
  if (readFact(journal, 'restored')?.operation === operation) return;
  const before = Object.fromEntries(databases.map(({ key }) => [key, volumeNameOf(journal, project, key)]));
  writeFact(journal, 'restored', { operation, before });
}

function isMoved({ journal }: DeployTools, project: string, volumes: Volumes): boolean {
  return Object.entries(volumes).every(([key, name]) => volumeNameOf(journal, project, key) === name);
}

/** From then on these volumes hold the data, whoever asks: the fact, the stack's files and the servers. */
export async function moveTo(
  tools: DeployTools,
  project: string,
  { databases }: PointData,
  volumes: Volumes,
  { signal }: StepContext,
): Promise<void> {
  const services = databases.map(({ service }) => service);
  await removeContainersOf(tools, project, services);
  writeFact(tools.journal, 'volumes', { ...readFact(tools.journal, 'volumes'), ...volumes });
  await nameVolumes(tools);
  await (await tools.compose()).up({ services, noDeps: true, signal });
  for (const service of services) await healthyContainer(tools, project, service, signal);
}

/** The files that stand in the stack's folder name the volumes of now. */
async function nameVolumes({ journal, paths }: Pick<DeployTools, 'journal' | 'paths'>): Promise<void> {
  const volumes = readFact(journal, 'volumes') ?? {};
  await writeStack(paths.stack, withVolumes(await readStack(paths.stack), volumes));
}

/** What was written between the copy and the moment that the way leads back to. */
async function putAfterCopy(
  tools: DeployTools,
  { project, point }: RestoreData,
  { databases }: PointData,
  { signal }: StepContext,
): Promise<void> {
  const engine = await tools.engine();
  for (const { service, gtids } of databases) {
    if (gtids === undefined) continue;
    const container = await healthyContainer(tools, project, service, signal);
    await applySinceCopy({ engine, project, point, service, container, signal }, gtids);
  }
}

/** Last, because no way leads back from it. */
async function restoreStores(
  tools: DeployTools,
  { project }: RestoreData,
  { stores }: PointData,
  { signal }: StepContext,
): Promise<number> {
  let removed = 0;
  for (const { service, cut } of stores) {
    const container = await healthyContainer(tools, project, service, signal);
    removed += await restoreObjects(await accessTo(tools, container), cut, signal);
  }
  return removed;
}

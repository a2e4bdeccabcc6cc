// The data of a point takes the place of the data of now: each database in a new volume, then the objects. The old
// volumes stay until the operation is committed. Requests wait at the edge meanwhile, and whoever writes is not there.

import type { Executor, StepContext } from '../../journal/index.ts';
import {
  holdRequests,
  readStack,
  restoreStack,
  removeVolumeMadeBy,
  restoreDatabase,
  restoredVolumeOf,
  restoreObjects,
  userOf,
  volumesOfKey,
  withVolumes,
  writeStack,
} from '../../stack/index.ts';
import { edgeOf } from '../edge-of.ts';
import { clearFact, readFact, volumeNameOf, writeFact } from '../facts.ts';
import { pointStack } from '../points.ts';
import { requirePointData, type PointData } from '../point-data.ts';
import { stackRelease } from '../stack-files.ts';
import { accessTo } from '../steps/data-steps.ts';
import { containersOf, healthyContainer, removeContainersOf, type DeployTools } from '../tools.ts';

export interface RestoreData {
  readonly project: string;
  readonly point: string;
  /** Apps and workers: they leave before the data does, and come back as the stack's files say then. */
  readonly writers: readonly string[];
}

/** Longer than a restore of an ordinary size; after it requests meet whatever is there. */
const HOLD_LIMIT_MS = 2 * 60_000;
const READY_WITHIN_MS = 5 * 60_000;
/** Longer than nginx keeps an answer of the engine's resolver: the replicas have new addresses. */
const RESOLVED_WITHIN_MS = 3_000;

type Volumes = Readonly<Record<string, string>>;

export function restoreDataStep(tools: DeployTools): Executor<RestoreData> {
  return {
    async apply(input, context) {
      const { project, point } = input;
      const data = await requirePointData(tools, point);
      return whileNobodyWrites(tools, input, context, async () => {
        const volumes = await fillVolumes(tools, input, data, context);
        rememberBefore(tools, project, data, context.operation);
        await moveTo(tools, project, data, volumes, context);
        // Last, because no way leads back from it.
        let removed = 0;
        for (const { service, cut } of data.stores) {
          const container = await healthyContainer(tools, project, service, context.signal);
          removed += await restoreObjects(await accessTo(tools, container), cut, context.signal);
        }
        return `${data.databases.length} databases restored, ${removed} newer versions of objects removed`;
      });
    },
    async undo(input, context) {
      const { project, point } = input;
      const restored = readFact(tools.journal, 'restored');
      const data = await requirePointData(tools, point);
      if (restored?.operation === context.operation) {
        await restoreStack(tools.paths.stack, pointStack(tools, context.operation));
        await whileNobodyWrites(tools, input, context, () =>
          moveTo(tools, project, data, restored.before, context),
        );
        clearFact(tools.journal, 'restored');
      }
      const engine = await tools.engine();
      for (const { key } of data.databases) {
        const name = restoredVolumeOf(project, key, context.operation);
        if (volumeNameOf(tools.journal, project, key) !== name) {
          await removeVolumeMadeBy(engine, name, context.operation);
        }
      }
    },
  };
}

/** Requests wait at the edge; those who write are started anew afterwards, as the stack's files say. */
async function whileNobodyWrites<T>(
  tools: DeployTools,
  { project, writers }: RestoreData,
  { signal }: StepContext,
  work: () => Promise<T>,
): Promise<T> {
  return holdRequests(await edgeOf(tools), { limitMs: HOLD_LIMIT_MS, signal }, async () => {
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
  });
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

/** From then on these volumes hold the data, whoever asks: the fact, the stack's files and the servers. */
async function moveTo(
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

/** Files that were kept from before a restore name the volumes of then; to be called after such have been put in place. */
export async function nameVolumes({ journal, paths }: Pick<DeployTools, 'journal' | 'paths'>): Promise<void> {
  const volumes = readFact(journal, 'volumes');
  if (volumes === undefined) return;
  await writeStack(paths.stack, withVolumes(await readStack(paths.stack), volumes));
}

/** The restore stands: volumes that hold no data of now are removed. Returns their names. */
export async function forgetOldVolumes(tools: DeployTools, project: string): Promise<string[]> {
  const { journal } = tools;
  const engine = await tools.engine();
  const removed: string[] = [];
  for (const [key, name] of Object.entries(readFact(journal, 'volumes') ?? {})) {
    const old = (await volumesOfKey(engine, project, key)).filter((one) => one !== name);
    for (const one of old) await engine.volumes.remove(one);
    removed.push(...old);
  }
  clearFact(journal, 'restored');
  return removed;
}

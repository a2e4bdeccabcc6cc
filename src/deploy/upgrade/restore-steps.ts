// The data of a point takes the place of the data of now: each database in a new volume, then the objects. The old
// volumes stay until the operation is committed. Nothing may write to the stack meanwhile.

import type { Executor, StepContext } from '../../journal/index.ts';
import {
  readStack,
  removeVolumeMadeBy,
  restoreDatabase,
  restoredVolumeOf,
  restoreObjects,
  userOf,
  volumesOfKey,
  withVolumes,
  writeStack,
} from '../../stack/index.ts';
import { clearFact, readFact, volumeNameOf, writeFact } from '../facts.ts';
import { requirePointData, type PointData } from '../point-data.ts';
import { stackRelease } from '../stack-files.ts';
import { accessTo } from '../steps/data-steps.ts';
import { healthyContainer, removeContainersOf, type DeployTools } from '../tools.ts';

export interface RestoreData {
  readonly project: string;
  readonly point: string;
}

type Volumes = Readonly<Record<string, string>>;

export function restoreDataStep(tools: DeployTools): Executor<RestoreData> {
  return {
    async apply({ project, point }, context) {
      const data = await requirePointData(tools, point);
      const volumes = await fillVolumes(tools, { project, point }, data, context);
      rememberBefore(tools, project, data, context.operation);
      await moveTo(tools, project, data, volumes, context);
      // Last, because no way leads back from it.
      let removed = 0;
      for (const { service, cut } of data.stores) {
        const container = await healthyContainer(tools, project, service, context.signal);
        removed += await restoreObjects(await accessTo(tools, container), cut, context.signal);
      }
      return `${data.databases.length} databases restored, ${removed} newer versions of objects removed`;
    },
    async undo({ project, point }, context) {
      const restored = readFact(tools.journal, 'restored');
      const data = await requirePointData(tools, point);
      if (restored?.operation === context.operation) {
        await moveTo(tools, project, data, restored.before, context);
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

/** Beside the running server, which notices nothing. */
async function fillVolumes(
  tools: DeployTools,
  { project, point }: RestoreData,
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

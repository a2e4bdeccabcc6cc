// Which volumes hold the data: filled beside the running server, then named to whoever asks. The volumes of before stay
// as they are, so that naming them again is a way back.

import {
  measureRestore,
  refuseTooLittle,
  restoreDatabase,
  restoredVolumeOf,
  userOf,
  type CopyRoom,
} from '../../../stack/index.ts';
import type { StepContext } from '../../../journal/index.ts';
import { nameVolumes, volumeNameOf, type Volumes } from '../../current-volumes.ts';
import { readPointData, type PointData } from '../../point-data.ts';
import { stackRelease } from '../../stack-files.ts';
import { healthyContainer, removeContainersOf, type DeployTools } from '../../tools.ts';

interface AtPoint {
  readonly project: string;
  readonly point: string;
}

/** What each volume takes that a way back to this point fills, as filling them asks. Empty where no data was kept. */
export async function measureRestores(
  tools: DeployTools,
  { project, point }: AtPoint,
): Promise<(CopyRoom & { readonly service: string })[]> {
  const engine = await tools.engine();
  const { databases } = (await readPointData(tools, point)) ?? { databases: [] };
  return Promise.all(
    databases.map(async ({ service, volume }) => {
      return { service, ...(await measureRestore({ engine, project, point, service, ...fromOf(volume) })) };
    }),
  );
}

/** All of them together. */
export async function requireRoomToRestore(tools: DeployTools, at: AtPoint): Promise<void> {
  const rooms = await measureRestores(tools, at);
  refuseTooLittle({
    neededBytes: rooms.reduce((sum, { neededBytes }) => sum + neededBytes, 0),
    freeBytes: Math.min(...rooms.map(({ freeBytes }) => freeBytes)),
  });
}

/** Beside the running server, which notices nothing. */
export async function fillVolumes(
  tools: DeployTools,
  { project, point }: AtPoint,
  { databases }: PointData,
  { operation, signal }: StepContext,
): Promise<Volumes> {
  const engine = await tools.engine();
  const { services } = await stackRelease(tools);
  const stackFolder = tools.paths.stack;
  const volumes: Record<string, string> = {};
  for (const { service, key, volume: left } of databases) {
    const name = restoredVolumeOf(project, key, operation);
    const found = services.find((one) => one.name === service);
    const owner = (found && userOf(found)) ?? '0:0';
    const volume = { key, name, owner, project, stackFolder, operation };
    await restoreDatabase({ engine, project, point, service, volume, signal, ...fromOf(left) });
    volumes[key] = name;
  }
  return volumes;
}

function fromOf(volume: string | undefined): { from?: string } {
  return volume === undefined ? {} : { from: volume };
}

/** Without a database there is nothing that could tell: then it is not. */
export function isMoved({ journal }: DeployTools, project: string, volumes: Volumes): boolean {
  const names = Object.entries(volumes);
  if (names.length === 0) return false;
  return names.every(([key, name]) => volumeNameOf(journal, project, key) === name);
}

/** From then on these volumes hold the data, whoever asks: the fact, the stack's files and the servers. */
export async function moveTo(
  tools: DeployTools,
  project: string,
  { databases }: PointData,
  volumes: Volumes,
  { signal }: StepContext,
  withinMs?: number,
): Promise<void> {
  const services = databases.map(({ service }) => service);
  await removeContainersOf(tools, project, services);
  await nameVolumes(tools, project, volumes);
  await (await tools.compose()).up({ services, noDeps: true, signal });
  for (const service of services) await healthyContainer(tools, project, service, signal, withinMs);
}

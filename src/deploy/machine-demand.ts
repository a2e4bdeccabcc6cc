// What preflight asks of the machine for this very bundle, in place of its general defaults.

import { defaultDemand, type MachineDemand } from '../machine/index.ts';
import { planSize, type SizingDemand } from '../sizing/index.ts';
import type { MachineNeeds } from './install-plan.ts';

const NODE_ARCH: Readonly<Record<string, string>> = { amd64: 'x64', arm64: 'arm64' };
/** Images are unpacked beside their packed form while they load. */
const LOAD_FACTOR = 1.5;

export function machineDemand(needs: MachineNeeds): MachineDemand {
  const { upgrade } = needs;
  return {
    ...defaultDemand,
    memoryBytes: needs.memoryBytes,
    cpus: needs.cpus,
    engineBytes: imageRoomBytes(needs) + (upgrade?.copyBytes ?? 0),
    ...(upgrade === undefined ? {} : { stateBytes: upgrade.stateBytes, programBytes: 0 }),
    arch: NODE_ARCH[needs.architecture] ?? needs.architecture,
    project: needs.project,
    releaseDate: new Date(needs.createdAt),
  };
}

/** In the engine's folder. */
export function imageRoomBytes({ imageBytes, imagesToLoad }: MachineNeeds): number {
  return imagesToLoad && imageBytes > 0
    ? Math.ceil(imageBytes * LOAD_FACTOR) + defaultDemand.temporaryBytes
    : 0;
}

/** The least machine that sizing would accept, asked of sizing itself. */
export function leastMachine(demand: SizingDemand): { cpus: number; memoryBytes: number } {
  const nothing = { cpus: 0, memoryBytes: 0, diskBytes: Number.MAX_SAFE_INTEGER, rotational: null };
  const result = planSize(nothing, demand);
  const needed = (dimension: string): number =>
    result.ok ? 0 : (result.shortfalls.find((one) => one.dimension === dimension)?.needed ?? 0);
  return { cpus: needed('cpus'), memoryBytes: needed('memory') };
}

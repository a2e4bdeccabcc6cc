// The refusal of a machine that is too small, as data: what is missing in each dimension, to the byte.

import { formatBytes } from '../base/units.ts';
import { CPU, cpuClaims, microOf } from './cpu.ts';
import { diskClaims } from './disk.ts';
import { memoryClaims } from './memory.ts';
import type { Shortfall, SizingDemand, SizingMachine } from './schema.ts';
import { floorOf } from './share.ts';
import type { Claim } from './share.ts';
import { cpuWords } from './sheet.ts';

export function shortfallsOf(machine: SizingMachine, demand: SizingDemand): Shortfall[] {
  return [
    cpuShortfall(machine.cpus, cpuClaims(demand)),
    byteShortfall('memory', machine.memoryBytes, memoryClaims(demand)),
    byteShortfall('disk', machine.diskBytes, diskClaims(demand)),
  ].filter((shortfall) => shortfall !== undefined);
}

function cpuShortfall(found: number, claims: readonly Claim[]): Shortfall | undefined {
  const neededMicro = floorOf(claims);
  if (microOf(found) >= neededMicro) return undefined;
  const needed = neededMicro / CPU;
  const missing = needed - found;
  return {
    dimension: 'cpus',
    unit: 'cpus',
    needed,
    found,
    missing,
    message: `needs ${cpuWords(needed)}, this machine has ${cpuWords(found)}: ${cpuWords(missing)} are missing`,
    parts: partsOf(claims, CPU),
  };
}

function byteShortfall(
  dimension: 'memory' | 'disk',
  found: number,
  claims: readonly Claim[],
): Shortfall | undefined {
  const needed = floorOf(claims);
  if (found >= needed) return undefined;
  const missing = needed - found;
  const [want, have, lack] = [needed, found, missing].map(formatBytes);
  const message = `needs ${want} of ${dimension}, this machine has ${have}: ${lack} are missing`;
  return { dimension, unit: 'bytes', needed, found, missing, message, parts: partsOf(claims, 1) };
}

function partsOf(claims: readonly Claim[], unit: number): Shortfall['parts'] {
  return claims
    .filter((claim) => claim.floor > 0)
    .map((claim) => ({ name: claim.key.replace('reserve:', ''), amount: claim.floor / unit }));
}

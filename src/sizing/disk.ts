// Disk: a budget, not a limit. Alerts and preflight compare what is used with it; only disk decides here.

import { GIB, MIB } from '../base/units.ts';
import { imageBytesOf } from './demand.ts';
import type { DiskShare, SizingDemand } from './schema.ts';
import { divide } from './share.ts';
import type { Claim } from './share.ts';

/** The running release, the one before it, and the one that is being loaded. */
export const KEPT_RELEASES = 3;

/** Restore point and scratch each hold a whole copy of the database, so the three grow alike. */
const RULES: Record<Exclude<DiskShare['name'], 'images'>, { floor: number; weight: number; cap: number }> = {
  appliance: { floor: GIB, weight: 5, cap: 8 * GIB },
  database: { floor: 1.5 * GIB, weight: 110, cap: Infinity },
  objects: { floor: 2 * GIB, weight: 220, cap: Infinity },
  cache: { floor: 256 * MIB, weight: 40, cap: 64 * GIB },
  binlogs: { floor: GIB, weight: 50, cap: 512 * GIB },
  restorePoint: { floor: 1.5 * GIB, weight: 110, cap: Infinity },
  scratch: { floor: 2 * GIB, weight: 110, cap: Infinity },
  backups: { floor: 2.5 * GIB, weight: 270, cap: Infinity },
  free: { floor: 1.25 * GIB, weight: 85, cap: Infinity },
};

export function diskClaims(demand: SizingDemand): Claim[] {
  const images = KEPT_RELEASES * imageBytesOf(demand);
  return [
    ...Object.entries(RULES).map(([key, rule]) => ({ key, ...rule })),
    { key: 'images', floor: images, weight: 0, cap: images },
  ];
}

export function divideDisk(diskBytes: number, demand: SizingDemand): Map<DiskShare['name'], number> {
  const claims = diskClaims(demand);
  const grants = divide(diskBytes, claims);
  return new Map(
    claims.map(({ key, floor }) => {
      const above = (grants.get(key) ?? floor) - floor;
      return [key as DiskShare['name'], floor + above - (above % MIB)]; // the keys are RULES' and 'images'
    }),
  );
}

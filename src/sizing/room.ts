// How much memory is there for replicas beyond the plan's, while an upgrade lasts. Pure.

import type { Reserve, SizingPlan } from './schema.ts';

export interface SpareRoom {
  readonly bytes: number;
  /** What it is made of; what was taken from the machine since it was divided is less than nothing. */
  readonly parts: readonly {
    readonly name: Reserve['name'] | 'unassigned' | 'gone';
    readonly bytes: number;
  }[];
}

/** Set aside for the replica that an upgrade adds, and for rehearsals and drills: whoever takes that of these waits for them. */
const LENT: readonly Reserve['name'][] = ['surge', 'scratch'];

/** `memoryBytes` is what Onstead may use now; the plan may have been made when that was more. */
export function spareRoom(plan: SizingPlan, memoryBytes = plan.machine.memoryBytes): SpareRoom {
  const lent = plan.reserves.filter(({ name }) => LENT.includes(name));
  const gone = Math.max(0, plan.machine.memoryBytes - memoryBytes);
  const parts = [
    ...lent.map(({ name, memoryBytes: bytes }) => ({ name, bytes })),
    { name: 'unassigned' as const, bytes: plan.unassignedMemoryBytes },
    { name: 'gone' as const, bytes: -gone },
  ];
  return {
    bytes: Math.max(
      0,
      parts.reduce((sum, { bytes }) => sum + bytes, 0),
    ),
    parts: parts.filter(({ bytes }) => bytes !== 0),
  };
}

// Machines to size, and every number of a plan under one name each.

import { GIB, TIB } from '../../../src/base/units.ts';
import { planSize } from '../../../src/sizing/index.ts';
import type { SizingDemand, SizingMachine, SizingPlan } from '../../../src/sizing/index.ts';

export const CPUS = [1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128];
export const MEMORY = [2, 3, 3.8, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256, 512, 1024].map((g) =>
  Math.floor(g * GIB),
);
export const DISK = [20 * GIB, 40 * GIB, 80 * GIB, 250 * GIB, TIB, 4 * TIB, 20 * TIB];
export const DISKS = [
  { rotational: true },
  { rotational: null },
  { rotational: false },
  { rotational: false, fsyncMs: 0.3 },
  { rotational: false, fsyncMs: 8 },
] as const;

export function* grid(): Generator<SizingMachine> {
  for (const cpus of CPUS) {
    for (const memoryBytes of MEMORY) {
      for (const diskBytes of DISK) {
        for (const disk of DISKS) yield { cpus, memoryBytes, diskBytes, ...disk };
      }
    }
  }
}

/** The same numbers on every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Spread evenly over the magnitudes, so that small machines are as common as large ones. */
export function randomMachine(random: () => number): SizingMachine {
  const between = (low: number, high: number): number => low * (high / low) ** random();
  const disk = DISKS[Math.floor(random() * DISKS.length)]!;
  return {
    cpus: Math.round(between(1, 128) * 100) / 100,
    memoryBytes: Math.floor(between(3.5 * GIB, TIB)),
    diskBytes: Math.floor(between(16 * GIB, 20 * TIB)),
    ...disk,
  };
}

export const MIB_APP = (megabytes: number): number => megabytes * 1024 * 1024;

/** Two kinds of web replicas, a worker, a fixed scheduler and two carried services. */
export const busyDemand: SizingDemand = {
  apps: [
    {
      name: 'web',
      role: 'app',
      perReplica: { cpu: 1, memoryBytes: GIB },
      replicas: 'auto',
      usersPerReplica: 150,
    },
    {
      name: 'admin',
      role: 'app',
      perReplica: { cpu: 0.3, memoryBytes: MIB_APP(300) + 17 },
      replicas: 'auto',
      databaseConnections: 7,
    },
    { name: 'jobs', role: 'worker', perReplica: { cpu: 0.7, memoryBytes: MIB_APP(400) }, replicas: 'auto' },
    { name: 'clock', role: 'worker', perReplica: { cpu: 0.1, memoryBytes: MIB_APP(64) }, replicas: 1 },
  ],
  parts: [
    { name: 'db', role: 'mysql' },
    { name: 'cache', role: 'redis' },
    { name: 'files', role: 'minio' },
    { name: 'proxy', role: 'nginx' },
  ],
  extras: [
    { name: 'mail', memoryLimitBytes: MIB_APP(128), cpuLimit: 0.5 },
    { name: 'search', replicas: 2 },
  ],
  imageBytes: 3 * GIB,
};

export const appOnly: SizingDemand = {
  apps: [
    {
      name: 'app',
      role: 'app',
      perReplica: { cpu: 0.25, memoryBytes: MIB_APP(100) },
      replicas: 3,
      usersPerReplica: 40,
    },
  ],
  parts: [],
  extras: [],
};

export function planned(machine: SizingMachine, demand: SizingDemand): SizingPlan | undefined {
  const result = planSize(machine, demand);
  return result.ok ? result.plan : undefined;
}

/** Left over, so it shrinks when a service takes more: no service's number. */
const LEFT_OVER = ['machine unassignedMemoryBytes', 'machine unreservedCpus'];

export function numbersOf(plan: SizingPlan): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const { service, key, value } of plan.reasons) {
    const place = `${service} ${key}`;
    if (typeof value === 'number' && !LEFT_OVER.includes(place)) numbers.set(place, value);
  }
  return numbers;
}

/** The numbers that are lower in `larger` than in `smaller`. */
export function losses(smaller: SizingPlan, larger: SizingPlan): string[] {
  const after = numbersOf(larger);
  return [...numbersOf(smaller)]
    .filter(([place, value]) => !((after.get(place) ?? -1) >= value))
    .map(([place, value]) => `${place}: ${value} → ${after.get(place)}`);
}

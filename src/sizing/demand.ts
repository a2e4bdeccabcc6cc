// What a release asks for, seen as sizing needs it; and the demand of the default stack.

import { OnsteadError } from '../base/errors.ts';
import { GIB, MIB } from '../base/units.ts';
import type { AppDemand, SizingDemand, SizingMachine } from './schema.ts';

/**
 * 150 users a half CPU puts 1,000 users on about 8 CPUs, which is also what GitLab, a much larger application,
 * asks for them. A vendor who measured says better in `usersPerReplica`.
 */
export const defaultDemand: SizingDemand = {
  apps: [
    {
      name: 'app',
      role: 'app',
      perReplica: { cpu: 0.5, memoryBytes: 256 * MIB },
      replicas: 'auto',
      usersPerReplica: 150,
    },
  ],
  parts: [
    { name: 'mysql', role: 'mysql' },
    { name: 'redis', role: 'redis' },
    { name: 'minio', role: 'minio' },
    { name: 'nginx', role: 'nginx' },
  ],
  extras: [],
};

/** The pool that the common database drivers open when nobody says otherwise. */
const CONNECTIONS_PER_REPLICA = 10;
const IMAGE_BYTES = GIB;

/** Two, so that one may crash while the other answers. Memory for the second is granted as soon as it is there. */
export const AUTO_REPLICAS = 2;

export function connectionsOf(app: AppDemand): number {
  return app.databaseConnections ?? CONNECTIONS_PER_REPLICA;
}

export function imageBytesOf(demand: SizingDemand): number {
  return demand.imageBytes ?? IMAGE_BYTES;
}

export function leastReplicas(app: AppDemand): number {
  return app.replicas === 'auto' ? AUTO_REPLICAS : app.replicas;
}

/** Replicas are added and replaced one at a time, so room for the largest one is room for any. */
export function largestReplicaBytes(demand: SizingDemand): number {
  return Math.max(0, ...demand.apps.map((app) => app.perReplica.memoryBytes));
}

/** A machine whose facts are no numbers would silently size everything to nothing. */
export function assertMachine(machine: SizingMachine): void {
  for (const key of ['cpus', 'memoryBytes', 'diskBytes'] as const) {
    if (Number.isFinite(machine[key]) && machine[key] >= 0) continue;
    throw new OnsteadError('sizing.machine', `The machine's ${key} is ${machine[key]}, which is no amount.`, {
      next: 'Run "onstead preflight" to see what could not be read from this machine.',
    });
  }
}

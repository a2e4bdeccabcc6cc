// Memory: what each service must have, and how the rest is divided. Only memory decides here. CPUs, disk and
// replicas never do, so more CPUs on the same memory cannot take a byte from any service.

import { GIB, MIB } from '../base/units.ts';
import { connectionsOf, largestReplicaBytes, leastReplicas } from './demand.ts';
import type { PartDemand, SizingDemand } from './schema.ts';
import { divide, floorOf } from './share.ts';
import type { Claim } from './share.ts';

/** Connections that are ours: the daemon, backup, binlog stream, migrations, an administrator at the prompt. */
export const ADMIN_CONNECTIONS = 10;
/** Sort, join and read buffers, stack and packet of one busy connection at MySQL's defaults: 1.9 MB. */
export const CONNECTION_BYTES = 2 * MIB;
/** What the least MySQL holds connections for. */
const LEAST_CONNECTIONS = 50;

interface Rule {
  readonly floor: number;
  readonly weight: number;
  readonly cap: number;
}

export const PART_MEMORY: Record<PartDemand['role'], Rule> = {
  mysql: { floor: 640 * MIB, weight: 400, cap: Infinity },
  redis: { floor: 96 * MIB, weight: 80, cap: 32 * GIB },
  minio: { floor: 512 * MIB, weight: 80, cap: 32 * GIB },
  nginx: { floor: 96 * MIB, weight: 20, cap: 2 * GIB },
};
const SYSTEM: Rule = { floor: 384 * MIB, weight: 200, cap: Infinity };
const DAEMON: Rule = { floor: 160 * MIB, weight: 20, cap: 512 * MIB };
/** The least of a scratch stack; its edge is not started. */
export const SCRATCH_PART: Record<PartDemand['role'], number> = {
  mysql: 448 * MIB,
  redis: 64 * MIB,
  minio: 384 * MIB,
  nginx: 0,
};
const SCRATCH: Rule = { floor: 0, weight: 50, cap: 4 * GIB };
const APP_WEIGHT = 150;
export const EDGE_BYTES = 16 * MIB;
/** A carried service that declares no limit still gets one: without it, it could take the machine down. */
export const UNDECLARED_EXTRA_BYTES = 256 * MIB;

export const reserveKey = (name: string): string => `reserve:${name}`;

/** Connections that must be there when every service runs its least replicas and one more beside. */
export function leastConnections(demand: SizingDemand): number {
  const held = demand.apps.map((app) => leastReplicas(app) * connectionsOf(app));
  const surge = Math.max(0, ...demand.apps.map(connectionsOf));
  const needed = held.reduce((sum, count) => sum + count, 0) + surge + ADMIN_CONNECTIONS;
  return Math.max(LEAST_CONNECTIONS, needed);
}

export function mysqlFloorBytes(demand: SizingDemand): number {
  return PART_MEMORY.mysql.floor + (leastConnections(demand) - LEAST_CONNECTIONS) * CONNECTION_BYTES;
}

export function scratchFloorBytes(demand: SizingDemand): number {
  const parts = demand.parts.reduce((sum, part) => sum + SCRATCH_PART[part.role], 0);
  return parts + largestReplicaBytes(demand);
}

export function memoryClaims(demand: SizingDemand): Claim[] {
  const scratchFloor = scratchFloorBytes(demand);
  return [
    ...demand.parts.map((part) => partClaim(part, demand)),
    ...appClaims(demand),
    ...demand.extras.map((extra) => {
      const floor = (extra.replicas ?? 1) * (extra.memoryLimitBytes ?? UNDECLARED_EXTRA_BYTES);
      return { key: extra.name, floor, weight: 0, cap: floor };
    }),
    { key: reserveKey('system'), ...SYSTEM },
    { key: reserveKey('daemon'), ...DAEMON },
    { key: reserveKey('scratch'), ...SCRATCH, floor: scratchFloor, cap: scratchFloor + SCRATCH.cap },
    { key: reserveKey('surge'), ...fixed(largestReplicaBytes(demand)) },
    { key: reserveKey('edge'), ...fixed(hasEdge(demand) ? EDGE_BYTES : 0) },
  ];
}

export function hasEdge(demand: SizingDemand): boolean {
  return demand.parts.some((part) => part.role === 'nginx');
}

function fixed(bytes: number): Rule {
  return { floor: bytes, weight: 0, cap: bytes };
}

function partClaim(part: PartDemand, demand: SizingDemand): Claim {
  const rule = PART_MEMORY[part.role];
  return { key: part.name, ...rule, floor: part.role === 'mysql' ? mysqlFloorBytes(demand) : rule.floor };
}

/** An `auto` service starts from one replica; `secondReplicas` gives it the next before anything else grows. */
function appClaims(demand: SizingDemand): Claim[] {
  const growing = demand.apps.filter((app) => app.replicas === 'auto');
  const total = growing.reduce((sum, app) => sum + app.perReplica.memoryBytes, 0);
  return demand.apps.map((app) => {
    const { memoryBytes } = app.perReplica;
    if (app.replicas !== 'auto') return { key: app.name, ...fixed(app.replicas * memoryBytes) };
    const weight = Math.max(1, Math.round((APP_WEIGHT * memoryBytes) / total));
    return { key: app.name, floor: memoryBytes, weight, cap: Infinity };
  });
}

/** The grant of every claim in bytes, whole megabytes above its floor. The sum never exceeds `memoryBytes`. */
export function divideMemory(memoryBytes: number, demand: SizingDemand): Map<string, number> {
  const claims = memoryClaims(demand);
  const ready = withSecondReplicas(claims, memoryBytes, demand);
  const grants = divide(memoryBytes, ready);
  for (const { key, floor } of ready) {
    const above = (grants.get(key) ?? floor) - floor;
    grants.set(key, floor + above - (above % MIB));
  }
  return grants;
}

/** The first spare memory raises the floors of `auto` services, one after the other, towards two replicas. */
function withSecondReplicas(claims: readonly Claim[], memoryBytes: number, demand: SizingDemand): Claim[] {
  let spare = memoryBytes - floorOf(claims);
  const growing = new Map(
    demand.apps
      .filter((app) => app.replicas === 'auto')
      .map((app) => [app.name, (leastReplicas(app) - 1) * app.perReplica.memoryBytes]),
  );
  return claims.map((claim) => {
    const granted = Math.min(spare, growing.get(claim.key) ?? 0);
    spare -= granted;
    return granted === 0 ? claim : { ...claim, floor: claim.floor + granted };
  });
}

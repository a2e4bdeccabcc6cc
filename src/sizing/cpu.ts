// CPU: what each service is sure of when all are busy (reservations), and what it may take at most (limits).
// Reservations add up to no more than the machine. Limits overlap on purpose: CPU, unlike memory, can be taken
// back at any moment, so a service may use what others leave; only the reservation must hold under pressure.

import { leastReplicas } from './demand.ts';
import type { AppDemand, PartDemand, SizingDemand } from './schema.ts';
import { divide } from './share.ts';
import type { Claim } from './share.ts';
import { reserveKey } from './memory.ts';

/** Internal unit: millionths of a CPU, so that sums are whole numbers. Results are whole thousandths. */
export const CPU = 1_000_000;
const MILLI = CPU / 1000;

/** A replica is sure of a quarter of what it may use: people do not all click at once. */
const SURE_PART = 0.25;
/** No container may take the last tenth of the machine: the daemon and a person at the prompt must get through. */
const CEILING_PART = 0.9;

const PART_CPU: Record<PartDemand['role'], { floor: number; weight: number; limitPart: number }> = {
  mysql: { floor: 0.25 * CPU, weight: 300, limitPart: 1 },
  redis: { floor: 0.05 * CPU, weight: 50, limitPart: 0.5 },
  minio: { floor: 0.1 * CPU, weight: 80, limitPart: 0.75 },
  nginx: { floor: 0.05 * CPU, weight: 80, limitPart: 0.75 },
};
const APP_WEIGHT = 450;
export const RESERVE: Record<'system' | 'daemon' | 'scratch', number> = {
  system: 0.1 * CPU,
  daemon: 0.05 * CPU,
  scratch: 0.025 * CPU,
};
const UNDECLARED_EXTRA = 0.05 * CPU;

export function microOf(cpus: number): number {
  return Math.floor(cpus * CPU + 1e-3); // a thousandth of a millionth forgives what floating point lost
}

export function cpusOf(micro: number): number {
  return Math.floor(micro / MILLI) / 1000;
}

/** What one replica is sure of, rounded up to a whole thousandth. */
export function replicaMicro(app: AppDemand): number {
  return Math.ceil((app.perReplica.cpu * SURE_PART * CPU) / MILLI) * MILLI;
}

export function extraReservationMicro(cpuReservation: number | undefined): number {
  return cpuReservation === undefined ? UNDECLARED_EXTRA : Math.ceil(cpuReservation * 1000) * MILLI;
}

export function cpuClaims(demand: SizingDemand): Claim[] {
  const total = demand.apps.reduce((sum, app) => sum + app.perReplica.cpu, 0);
  const surge = Math.max(0, ...demand.apps.map(replicaMicro));
  return [
    ...demand.parts.map((part) => ({ key: part.name, ...PART_CPU[part.role], cap: Infinity })),
    ...demand.apps.map((app) => ({
      key: app.name,
      floor: leastReplicas(app) * replicaMicro(app),
      weight: Math.max(1, Math.round((APP_WEIGHT * app.perReplica.cpu) / total)),
      cap: Infinity,
    })),
    ...demand.extras.map((extra) =>
      fixed(extra.name, (extra.replicas ?? 1) * extraReservationMicro(extra.cpuReservation)),
    ),
    fixed(reserveKey('system'), RESERVE.system),
    fixed(reserveKey('daemon'), RESERVE.daemon),
    fixed(reserveKey('scratch'), RESERVE.scratch),
    fixed(reserveKey('surge'), surge),
  ];
}

function fixed(key: string, micro: number): Claim {
  return { key, floor: micro, weight: 0, cap: micro };
}

/** The grant of every claim in millionths, whole thousandths; the sum never exceeds the machine. */
export function divideCpu(cpus: number, demand: SizingDemand): Map<string, number> {
  const grants = divide(microOf(cpus), cpuClaims(demand));
  for (const [key, micro] of grants) grants.set(key, micro - (micro % MILLI));
  return grants;
}

/** The most that any one container may use. */
export function ceilingCpus(cpus: number): number {
  return cpusOf(microOf(cpus * CEILING_PART));
}

export function partLimitCpus(role: PartDemand['role'], cpus: number): number {
  return cpusOf(microOf(cpus * CEILING_PART * PART_CPU[role].limitPart));
}

/** Twice its share: starting and collecting garbage must not be throttled while the machine idles. */
export function replicaLimitCpus(app: AppDemand, cpus: number): number {
  return Math.min(ceilingCpus(cpus), cpusOf(microOf(2 * app.perReplica.cpu)));
}

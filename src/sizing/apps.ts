// Replicas of the vendor's own services, and the users they carry.

import { formatBytes } from '../base/units.ts';
import { replicaLimitCpus, replicaMicro, CPU } from './cpu.ts';
import { AUTO_REPLICAS, connectionsOf } from './demand.ts';
import { leastConnections } from './memory.ts';
import type { AppDemand, ServiceSize, SizingDemand, SizingMachine } from './schema.ts';
import { cpuWords, put, putAll } from './sheet.ts';
import type { Sheet } from './sheet.ts';

export interface AppShare {
  readonly memoryBytes: number;
  readonly cpuMicro: number;
  /** undefined where the stack has no MySQL. */
  readonly maxConnections: number | undefined;
}

/** How many replicas the service's part of the CPU keeps busy; not a whole number. */
export function busyReplicas(app: AppDemand, share: AppShare): number {
  return share.cpuMicro / (app.perReplica.cpu * CPU);
}

/** Each bound rises with its own dimension and no other, and so does the least of them. */
export function replicasOf(app: AppDemand, share: AppShare, demand: SizingDemand): Replicas {
  if (app.replicas !== 'auto') return { count: app.replicas, why: `The release asks for ${app.replicas}.` };
  const byMemory = Math.floor(share.memoryBytes / app.perReplica.memoryBytes);
  const busy = Math.ceil(busyReplicas(app, share));
  const sure = Math.floor(share.cpuMicro / replicaMicro(app));
  const byCpu = Math.max(AUTO_REPLICAS, Math.min(busy, sure));
  const byConnections = connectionBound(app, share, demand);
  const count = Math.min(byMemory, byCpu, byConnections);
  const each = formatBytes(app.perReplica.memoryBytes);
  const connections = byConnections === Infinity ? '' : `, database connections for ${byConnections}`;
  const why = `Its ${formatBytes(share.memoryBytes)} hold ${byMemory} at ${each}, its ${cpuWords(share.cpuMicro / CPU)} keep ${byCpu} busy at ${app.perReplica.cpu} each (never counted below ${AUTO_REPLICAS})${connections}: the least of them.`;
  return { count, why };
}

interface Replicas {
  readonly count: number;
  readonly why: string;
}

/** Connections above the least are split evenly among the services that may grow. */
function connectionBound(app: AppDemand, share: AppShare, demand: SizingDemand): number {
  if (share.maxConnections === undefined) return Infinity;
  const growing = demand.apps.filter((other) => other.replicas === 'auto').length;
  const above = share.maxConnections - leastConnections(demand);
  return AUTO_REPLICAS + Math.floor(above / growing / connectionsOf(app));
}

export function sizeApp(
  sheet: Sheet,
  app: AppDemand,
  share: AppShare,
  machine: SizingMachine,
  demand: SizingDemand,
): ServiceSize {
  const { cpu, memoryBytes } = app.perReplica;
  const replicas = replicasOf(app, share, demand);
  const cpuReservation = replicaMicro(app) / CPU;
  const cpuLimit = replicaLimitCpus(app, machine.cpus);
  return {
    name: app.name,
    role: app.role,
    replicas: put(sheet, 'replicas', replicas.count, 'count', replicas.why),
    memoryLimitBytes: put(
      sheet,
      'memoryLimitBytes',
      memoryBytes,
      'bytes',
      `The release says that one replica needs ${formatBytes(memoryBytes)}; more memory means more replicas, not larger ones.`,
    ),
    memoryReservationBytes: put(
      sheet,
      'memoryReservationBytes',
      Math.floor(memoryBytes / 2),
      'bytes',
      `Half of its ${formatBytes(memoryBytes)}: what a quiet replica holds.`,
    ),
    cpuLimit: put(
      sheet,
      'cpuLimit',
      cpuLimit,
      'cpus',
      `Twice the ${cpu} that the release asks for, at most nine tenths of the machine's ${cpuWords(machine.cpus)}: starting and collecting garbage may use what is idle.`,
    ),
    cpuReservation: put(
      sheet,
      'cpuReservation',
      cpuReservation,
      'cpus',
      `A quarter of the ${cpu} that the release asks for is sure, even when everything is busy.`,
    ),
    settings: putAll(sheet, [
      [
        'databaseConnections',
        connectionsOf(app),
        'count',
        `The pool of one replica: ${replicas.count} replicas and one beside them open at most ${(replicas.count + 1) * connectionsOf(app)}${share.maxConnections === undefined ? '' : ` of ${share.maxConnections}`}.`,
      ],
    ]),
  };
}

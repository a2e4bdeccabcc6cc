// The sizes of a scratch stack, on which upgrades are rehearsed and backups proven: one of everything, within the memory
// that was set aside for it, and last in line for the CPUs. Pure.

import { MIB } from '../base/units.ts';
import { CPU, RESERVE } from './cpu.ts';
import { connectionsOf } from './demand.ts';
import { ADMIN_CONNECTIONS, SCRATCH_PART } from './memory.ts';
import { mysqlSettings } from './mysql.ts';
import { objectStoreSettings, redisSettings } from './parts.ts';
import type { ServiceSize, SizingDemand, SizingPlan, Value } from './schema.ts';

/** The redo log and temporary files of a scratch database are as small as they may be. */
const NO_DISK_BYTES = 0;

export function scratchPlan(plan: SizingPlan, demand: SizingDemand): SizingPlan {
  const services = plan.services.map((size) => scratchSize(size, plan, demand));
  return { ...plan, services };
}

function scratchSize(size: ServiceSize, plan: SizingPlan, demand: SizingDemand): ServiceSize {
  const last = { ...size, replicas: 1, cpuReservation: RESERVE.scratch / CPU };
  const { role } = size;
  if (role !== 'mysql' && role !== 'redis' && role !== 'minio') return last;
  const limit = role === 'mysql' ? databaseBytes(plan, demand) : SCRATCH_PART[role];
  return {
    ...last,
    memoryLimitBytes: limit,
    memoryReservationBytes: Math.floor(limit / 2),
    settings: { ...size.settings, ...settingsOf(role, limit, plan, demand) },
  };
}

/** The database gets what the others leave of the memory that is set aside. */
function databaseBytes(plan: SizingPlan, demand: SizingDemand): number {
  const aside = plan.reserves.find(({ name }) => name === 'scratch')?.memoryBytes ?? 0;
  const replicas = demand.apps.map(({ perReplica }) => perReplica.memoryBytes);
  const others = SCRATCH_PART.redis + SCRATCH_PART.minio + Math.max(0, ...replicas);
  return Math.max(SCRATCH_PART.mysql, aside - others - ((aside - others) % MIB));
}

function settingsOf(
  role: 'mysql' | 'redis' | 'minio',
  limit: number,
  { machine, disk }: SizingPlan,
  demand: SizingDemand,
): Record<string, Value> {
  const sheet = { service: role, reasons: [] };
  if (role === 'minio') return objectStoreSettings(sheet, limit).settings;
  if (role === 'redis') {
    const share = disk.find(({ name }) => name === 'cache')?.bytes ?? limit;
    return redisSettings(sheet, limit, share, machine).settings;
  }
  const connections = Math.max(0, ...demand.apps.map(connectionsOf)) + ADMIN_CONNECTIONS;
  return mysqlSettings(sheet, limit, NO_DISK_BYTES, machine, demand, connections).settings;
}

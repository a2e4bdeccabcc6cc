// MySQL 8.4 and 9.7: what fits into its container. Everything that takes memory follows from the container's
// limit alone, and all of it is counted, so the kernel has no reason to kill the server.

import { GIB, MIB, formatBytes } from '../base/units.ts';
import { ADMIN_CONNECTIONS, CONNECTION_BYTES, leastConnections, mysqlFloorBytes } from './memory.ts';
import type { SizingDemand, SizingMachine, Value } from './schema.ts';
import { clamp, floorTo, putAll } from './sheet.ts';
import type { Sheet } from './sheet.ts';

/**
 * mysqld 9.7 without its pool: code, dictionary, threads, and the performance schema as trimmed below. Measured:
 * 273 MB after a load of 170 MB of rows, 400 MB and more with the performance schema at its defaults.
 */
const SERVER_BYTES = 304 * MIB;
/** Buffer pool pages have headers, latches and a hash beside them; and dirty binlog pages count as ours. */
const POOL_PART = 0.65;
const CONNECTION_PART = 0.1;
const CONNECTIONS_MOST = 4000;
const CACHE_PART = 0.05;

export interface MysqlMemory {
  readonly connections: number;
  readonly connectionBytes: number;
  readonly logBufferBytes: number;
  readonly temporaryBytes: number;
  readonly cacheBytes: number;
  readonly poolBytes: number;
}

/** Connections and their budget; the budget is not rounded, so that the pool never gives way by a step. */
function connectionBudget(limitBytes: number, demand: SizingDemand): { count: number; bytes: number } {
  const least = leastConnections(demand);
  const above = Math.max(0, limitBytes - mysqlFloorBytes(demand)) * CONNECTION_PART;
  const most = Math.max(least, CONNECTIONS_MOST) * CONNECTION_BYTES;
  const bytes = Math.min(most, least * CONNECTION_BYTES + above);
  return { count: Math.floor(bytes / CONNECTION_BYTES), bytes };
}

export function mysqlConnections(limitBytes: number, demand: SizingDemand): number {
  return connectionBudget(limitBytes, demand).count;
}

export function mysqlMemory(
  limitBytes: number,
  demand: SizingDemand,
  /** So many and no more, where one replica is all that connects. */
  fixedConnections?: number,
): MysqlMemory {
  const connections =
    fixedConnections === undefined
      ? connectionBudget(limitBytes, demand)
      : { count: fixedConnections, bytes: fixedConnections * CONNECTION_BYTES };
  const log = clamp(limitBytes / 40, 16 * MIB, 64 * MIB);
  const temporary = clamp(limitBytes / 20, 16 * MIB, 4 * GIB);
  const cacheBytes = limitBytes * CACHE_PART;
  const taken = SERVER_BYTES + connections.bytes + log + temporary + cacheBytes;
  return {
    connections: connections.count,
    connectionBytes: connections.count * CONNECTION_BYTES,
    logBufferBytes: floorTo(log, MIB),
    temporaryBytes: floorTo(temporary, MIB),
    cacheBytes,
    poolBytes: poolOf(floorTo(Math.min(limitBytes * POOL_PART, limitBytes - taken), MIB)),
  };
}

/** The largest power of two that is not above `value`. */
function powerOfTwo(value: number): number {
  return 2 ** Math.floor(Math.log2(value));
}

/**
 * MySQL rounds the pool up to a multiple of chunk × instances, which would take memory that nobody counted.
 * So the pool is rounded down here: to 16 MB below 1 GB, to a sixteenth of its power of two above.
 */
function poolOf(bytes: number): number {
  return floorTo(bytes, bytes < GIB ? 16 * MIB : powerOfTwo(bytes) / 16);
}

/** A chunk for the pool: at most 512 of them (MySQL advises below 1,000), and chunk × instances divides the pool. */
export function chunkOf(poolBytes: number): number {
  if (poolBytes < GIB) return 16 * MIB;
  const step = powerOfTwo(poolBytes) / 16;
  return step <= 128 * MIB ? step : Math.max(128 * MIB, step / 16);
}

/** MySQL's own rule, a quarter of the CPUs, as far as whole chunks go round. */
export function instancesOf(poolBytes: number, cpus: number): number {
  if (poolBytes < GIB) return 1;
  const fitting = powerOfTwo(poolBytes) / 16 / chunkOf(poolBytes);
  return Math.min(fitting, powerOfTwo(Math.max(1, cpus / 4)));
}

/** Flushes a second in the background. A slow fsync means that the disk will not do more either. */
export function ioCapacityOf(machine: SizingMachine): number {
  if (machine.rotational === true) return 200;
  const most = machine.rotational === null ? 1000 : 10_000;
  if (machine.fsyncMs === undefined) return Math.min(most, 2000);
  return Math.floor(clamp(4000 / Math.max(machine.fsyncMs, 0.1), 200, most));
}

function ioReason(machine: SizingMachine, capacity: number): string {
  if (machine.rotational === true) return 'A spinning disk does about 200 random writes a second.';
  const kind = machine.rotational === null ? 'a disk of unknown kind' : 'an SSD';
  if (machine.fsyncMs === undefined) {
    return `${capacity} for ${kind} whose fsync was not measured; MySQL's own 10,000 assumes a fast one.`;
  }
  return `An fsync takes ${machine.fsyncMs} ms on ${kind}: 4,000 divided by that, between 200 and the most that is sensible.`;
}

/** Half the pool, half a GB a CPU (MySQL's rule for a dedicated server), an eighth of the disk for data. */
function redoOf(poolBytes: number, cpus: number, databaseBytes: number): number {
  const wanted = Math.min(poolBytes / 2, cpus * GIB * 0.5, databaseBytes / 8);
  return clamp(floorTo(wanted, MIB), 128 * MIB, 16 * GIB);
}

export function mysqlSettings(
  sheet: Sheet,
  limitBytes: number,
  databaseBytes: number,
  machine: SizingMachine,
  demand: SizingDemand,
  fixedConnections?: number,
): { readonly settings: Record<string, Value>; readonly reservationBytes: number } {
  const memory = mysqlMemory(limitBytes, demand, fixedConnections);
  const pool = memory.poolBytes;
  const chunk = chunkOf(pool);
  const instances = instancesOf(pool, machine.cpus);
  const io = ioCapacityOf(machine);
  const tables = Math.floor(clamp(limitBytes / MIB, 1000, 4000));
  const limit = formatBytes(limitBytes);
  const settings = putAll(sheet, [
    [
      'innodb_buffer_pool_size',
      pool,
      'bytes',
      `InnoDB keeps hot rows here. Of the container's ${limit}, ${formatBytes(SERVER_BYTES)} go to the server itself, ${formatBytes(memory.connectionBytes)} to connections, ${formatBytes(memory.temporaryBytes)} to temporary tables, ${formatBytes(memory.logBufferBytes)} to the log buffer, ${formatBytes(memory.cacheBytes)} to cached binlog pages; the pool gets the rest, at most 65 %, rounded down to whole chunks.`,
    ],
    [
      'innodb_buffer_pool_chunk_size',
      chunk,
      'bytes',
      `Keeps the ${formatBytes(pool)} pool a whole number of ${formatBytes(chunk)} chunks, so that MySQL does not round it up.`,
    ],
    [
      'innodb_buffer_pool_instances',
      instances,
      'count',
      `A quarter of ${machine.cpus} CPUs, as far as ${formatBytes(pool)} divides into whole chunks; MySQL uses one below 1 GB.`,
    ],
    [
      'innodb_redo_log_capacity',
      redoOf(pool, machine.cpus, databaseBytes),
      'bytes',
      `The least of half the pool (${formatBytes(pool / 2)}), half a GB a CPU (${formatBytes(machine.cpus * GIB * 0.5)}) and an eighth of the database's disk (${formatBytes(databaseBytes / 8)}), between 128 MB and 16 GB: more would only lengthen crash recovery.`,
    ],
    [
      'innodb_log_buffer_size',
      memory.logBufferBytes,
      'bytes',
      `A fortieth of ${limit}, between 16 MB and MySQL's default of 64 MB.`,
    ],
    [
      'max_connections',
      memory.connections,
      'count',
      `${leastConnections(demand)} cover the least replicas, one beside them and ${ADMIN_CONNECTIONS} for administration; a tenth of the memory above the least adds the others, at ${formatBytes(CONNECTION_BYTES)} each: ${formatBytes(memory.connectionBytes)} in all.`,
    ],
    ['innodb_io_capacity', io, 'operations per second', ioReason(machine, io)],
    [
      'innodb_io_capacity_max',
      2 * io,
      'operations per second',
      `Twice ${io}, MySQL's own rule, for when flushing falls behind.`,
    ],
    [
      'innodb_flush_neighbors',
      machine.rotational === true ? '1' : '0',
      'text',
      machine.rotational === true
        ? 'On a spinning disk, writing neighbouring pages in one go saves seeks.'
        : 'Nothing is gained by writing neighbours where there is no seek.',
    ],
    [
      'table_open_cache',
      tables,
      'count',
      `One a MB of ${limit}, between 1,000 and MySQL's default of 4,000: it needs two files a table, and containers may open 20,000.`,
    ],
    [
      'table_definition_cache',
      Math.min(2000, 400 + Math.floor(tables / 2)),
      'count',
      `400 and half of the ${tables} open tables, at most 2,000: MySQL's own rule.`,
    ],
    [
      'temptable_max_ram',
      memory.temporaryBytes,
      'bytes',
      `A twentieth of ${limit}, at most 4 GB. It must be said: MySQL would take 3 % of the whole machine and at least 1 GB, without regard to its container.`,
    ],
    [
      'tmp_table_size',
      clamp(floorTo(memory.temporaryBytes / 4, MIB), 8 * MIB, 64 * MIB),
      'bytes',
      `A quarter of the ${formatBytes(memory.temporaryBytes)} for all temporary tables, between 8 MB and 64 MB, so that one query cannot take it all.`,
    ],
  ]);
  return { settings: { ...settings, ...trimmed(sheet) }, reservationBytes: pool + SERVER_BYTES };
}

/** The performance schema takes 239 MB by default, whatever the container may use; trimmed, half of it. */
function trimmed(sheet: Sheet): Record<string, Value> {
  return putAll(sheet, [
    [
      'performance_schema_digests_size',
      1000,
      'count',
      'One application has hundreds of kinds of statements; the default of 10,000 would take 50 MB more.',
    ],
    [
      'performance_schema_events_statements_history_long_size',
      100,
      'count',
      'Nothing writes this history unless someone switches it on, yet the default of 10,000 takes 34 MB.',
    ],
    [
      'performance_schema_events_transactions_history_long_size',
      100,
      'count',
      'Nothing writes this history either; the default of 10,000 takes 4 MB.',
    ],
    [
      'performance_schema_error_size',
      0,
      'count',
      'Errors counted by user, host and thread take 38 MB; the error log has them too.',
    ],
  ]);
}

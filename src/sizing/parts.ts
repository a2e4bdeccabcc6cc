// Redis, the object store and nginx: settings that follow from their containers' limits.

import { KIB, MIB, formatBytes } from '../base/units.ts';
import type { SizingMachine, Value } from './schema.ts';
import { clamp, floorTo, putAll } from './sheet.ts';
import type { Sheet } from './sheet.ts';

export interface PartSettings {
  readonly settings: Record<string, Value>;
  readonly reservationBytes: number;
}

const REDIS_SERVER_BYTES = 16 * MIB;
const REDIS_DATA_PART = 0.6;

export function redisSettings(
  sheet: Sheet,
  limitBytes: number,
  diskBytes: number,
  machine: SizingMachine,
): PartSettings {
  const byMemory = (limitBytes - REDIS_SERVER_BYTES) * REDIS_DATA_PART;
  const maxmemory = floorTo(Math.min(byMemory, diskBytes / 3), MIB);
  const bound = byMemory <= diskBytes / 3 ? 'memory' : 'disk';
  const threads = clamp(Math.floor(machine.cpus / 4), 1, 8);
  const settings = putAll(sheet, [
    [
      'maxmemory',
      maxmemory,
      'bytes',
      bound === 'memory'
        ? `60 % of the ${formatBytes(limitBytes - REDIS_SERVER_BYTES)} that the server leaves of its ${formatBytes(limitBytes)}: the other 40 % are for fragmentation and for the pages that are copied while the append-only file is rewritten.`
        : `A third of the ${formatBytes(diskBytes)} of disk set aside for it: the append-only file may stand there twice, beside one snapshot, while it is rewritten.`,
    ],
    [
      'maxmemory-policy',
      'volatile-lru',
      'text',
      `At ${formatBytes(maxmemory)} only keys that expire anyway are dropped, the least used first; queues and locks, which do not expire, stay.`,
    ],
    [
      'io-threads',
      threads,
      'count',
      `A quarter of ${machine.cpus} CPUs, 1 to 8: below 4 CPUs a second thread only takes turns with the first, beyond 8 none helps.`,
    ],
  ]);
  return { settings, reservationBytes: maxmemory + REDIS_SERVER_BYTES };
}

export function objectStoreSettings(sheet: Sheet, limitBytes: number): PartSettings {
  const soft = floorTo(limitBytes * 0.85, MIB);
  const settings = putAll(sheet, [
    [
      'GOMEMLIMIT',
      soft,
      'bytes',
      `85 % of ${formatBytes(limitBytes)}: a Go server collects garbage harder from here on, before the kernel would end it; file pages it writes count too.`,
    ],
  ]);
  return { settings, reservationBytes: floorTo(limitBytes * 0.5, MIB) };
}

const NGINX_MASTER_BYTES = 16 * MIB;
/** One worker with its shared buffers, and 1,024 connections: 512 clients with 64 KB of buffers and TLS state. */
const WORKER_BYTES = 8 * MIB;
const LEAST_CONNECTIONS = 1024;
const CLIENT_BYTES = 64 * KIB;
const WORKER_UNIT = WORKER_BYTES + (LEAST_CONNECTIONS / 2) * CLIENT_BYTES;
const LEAST_WORKERS = 2;
/** Twice this and some must stay below 20,000 files, the most that an engine's default lets a container open. */
const MOST_CONNECTIONS = 8192;

/** Memory is split between more workers and more connections for each, so that both only ever rise with it. */
export function nginxSettings(sheet: Sheet, limitBytes: number, machine: SizingMachine): PartSettings {
  const units = Math.max(LEAST_WORKERS, (limitBytes - NGINX_MASTER_BYTES) / WORKER_UNIT);
  const growth = Math.sqrt(units / LEAST_WORKERS);
  const byMemory = Math.floor(LEAST_WORKERS * growth);
  const workers = clamp(Math.floor(machine.cpus), 1, byMemory);
  const connections = Math.min(MOST_CONNECTIONS, Math.floor(LEAST_CONNECTIONS * growth));
  const settings = putAll(sheet, [
    [
      'worker_processes',
      workers,
      'count',
      `One a CPU of ${machine.cpus}, at most the ${byMemory} that ${formatBytes(limitBytes)} hold with ${connections} connections each. "auto" would count the whole machine's CPUs.`,
    ],
    [
      'worker_connections',
      connections,
      'count',
      `A proxied client takes two connections and up to 64 KB: ${Math.floor(connections / 2)} clients for each of ${byMemory} workers fit into ${formatBytes(limitBytes)}.`,
    ],
    [
      'worker_rlimit_nofile',
      2 * connections + 256,
      'count',
      `Two files for each of ${connections} connections (socket and buffered answer), and 256 for logs and certificates.`,
    ],
  ]);
  return { settings, reservationBytes: floorTo(limitBytes * 0.5, MIB) };
}

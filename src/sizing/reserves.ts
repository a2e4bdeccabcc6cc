// What is set aside beside the services, in memory, CPU and disk, and why.

import { formatBytes } from '../base/units.ts';
import { CPU } from './cpu.ts';
import { imageBytesOf } from './demand.ts';
import { KEPT_RELEASES } from './disk.ts';
import { reserveKey } from './memory.ts';
import type { DiskShare, Reserve, SizingDemand } from './schema.ts';
import { percent, put } from './sheet.ts';
import type { Reason } from './schema.ts';

const MEMORY_WHY: Record<Reserve['name'], string> = {
  system:
    'kernel, container engine and remote login, and the files of database and objects that the kernel caches',
  daemon: 'Onstead itself, and the short-lived processes that make and check backups',
  surge: 'one more replica of the largest service, so that an upgrade starts the new before it stops the old',
  scratch:
    'a small database, cache, object store and one replica, on which upgrades are rehearsed and backups proven',
  edge: 'the process that holds the published ports and sleeps',
};

const CPU_WHY: Record<Reserve['name'], string> = {
  system: 'kernel and container engine, whatever the services do',
  daemon: 'Onstead must answer and watch while everything is busy',
  surge: 'what one starting replica is sure of',
  scratch: 'rehearsals and drills take what nobody else wants, and this much at least, so that they end',
  edge: 'it sleeps',
};

export function sizeReserves(
  reasons: Reason[],
  memoryBytes: number,
  memory: ReadonlyMap<string, number>,
  cpu: ReadonlyMap<string, number>,
): Reserve[] {
  const whole = formatBytes(memoryBytes);
  return (Object.keys(MEMORY_WHY) as Reserve['name'][]).map((name) => {
    const sheet = { service: name, reasons };
    const bytes = memory.get(reserveKey(name)) ?? 0;
    const cpus = (cpu.get(reserveKey(name)) ?? 0) / CPU;
    const amount = `${formatBytes(bytes)}, ${percent(bytes, memoryBytes)} of the machine's ${whole}`;
    put(sheet, 'memoryBytes', bytes, 'bytes', `${amount}: ${MEMORY_WHY[name]}.`);
    put(sheet, 'cpus', cpus, 'cpus', `${cpus} of a CPU: ${CPU_WHY[name]}.`);
    return { name, memoryBytes: bytes, cpus };
  });
}

const DISK_WHY: Record<Exclude<DiskShare['name'], 'images'>, string> = {
  appliance: 'two versions of Onstead with their runtime, its journal, and rotated logs of every service',
  database: 'tables, indexes and the redo log',
  objects: 'the files that people upload; usually the larger part of what grows',
  cache: 'the append-only file of Redis, which may stand there twice while it is rewritten',
  binlogs: 'changes since the last full copy that are not yet safe in every backup target',
  restorePoint: 'a whole copy of the database, kept until an upgrade is accepted',
  scratch: 'another copy of the database and some objects, for rehearsals, drills and restores',
  backups: 'the local repository: every object once, what changed, and the compressed copies of the database',
  free: 'never planned for: file systems slow down when full, and an administrator needs room to act',
};

export function sizeDisk(
  reasons: Reason[],
  diskBytes: number,
  disk: ReadonlyMap<DiskShare['name'], number>,
  demand: SizingDemand,
): DiskShare[] {
  const sheet = { service: 'disk', reasons };
  const whole = formatBytes(diskBytes);
  return [...disk].map(([name, bytes]) => {
    const why = name === 'images' ? imagesWhy(demand) : DISK_WHY[name];
    const part = percent(bytes, diskBytes);
    put(sheet, name, bytes, 'bytes', `${formatBytes(bytes)}, ${part} of ${whole}: ${why}.`);
    return { name, bytes };
  });
}

function imagesWhy(demand: SizingDemand): string {
  return `${KEPT_RELEASES} releases of ${formatBytes(imageBytesOf(demand))}: the one that runs, the one before it to go back to, and the one being loaded`;
}

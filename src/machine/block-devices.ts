// Which disks stand under a mount, through partitions, device mapper and RAID, and whether one of them spins.

import { basename, dirname, join } from 'node:path';
import type { DiskFolder } from './facts.ts';
import type { Mount } from './parse/mounts.ts';
import type { Source } from './source.ts';

export interface Disks {
  readonly disks: readonly string[];
  /** True when any of them spins; null when nobody can tell. */
  readonly rotational: boolean | null;
}

const DEEPEST = 8;

export async function disksUnder(source: Source, mount: Mount): Promise<Disks> {
  const start =
    (await source.real(`/sys/dev/block/${mount.majorMinor}`)) ?? (await byName(source, mount.source));
  if (start === undefined) return { disks: [], rotational: null };
  const folders = await wholeDisks(source, start, 0);
  const spins = await Promise.all(folders.map((folder) => isRotational(source, folder)));
  return { disks: [...new Set(folders.map((folder) => basename(folder)))], rotational: anyTrue(spins) };
}

/** btrfs has a device number of its own making, but names the block device it was mounted from. */
async function byName(source: Source, device: string): Promise<string | undefined> {
  if (!device.startsWith('/dev/')) return undefined;
  const real = (await source.real(device)) ?? device;
  return source.real(`/sys/class/block/${basename(real)}`);
}

async function wholeDisks(source: Source, folder: string, depth: number): Promise<readonly string[]> {
  if (depth > DEEPEST) return [];
  if (await source.exists(join(folder, 'partition'))) return wholeDisks(source, dirname(folder), depth + 1);
  const slaves = await source.list(join(folder, 'slaves'));
  if (slaves.length === 0) return [folder];
  const below = await Promise.all(
    slaves.map(async (name) => {
      const real = await source.real(join(folder, 'slaves', name));
      return real === undefined ? [] : wholeDisks(source, real, depth + 1);
    }),
  );
  return [...new Set(below.flat())];
}

async function isRotational(source: Source, folder: string): Promise<boolean | null> {
  const said = (await source.text(join(folder, 'queue/rotational')))?.trim();
  return said === '1' ? true : said === '0' ? false : null;
}

function anyTrue(values: readonly (boolean | null)[]): boolean | null {
  if (values.includes(true)) return true;
  return values.length === 0 || values.includes(null) ? null : false;
}

/** One name for all mounts of one file system: bind mounts share its room and its disk. */
export function storeOf(folder: Pick<DiskFolder, 'device' | 'mount'>): string {
  return folder.device.startsWith('/dev/') ? folder.device : folder.mount;
}

/** No spinning disk flushes faster than this; a virtual one that only calls itself so does. */
const NO_PLATTER_MS = 2;

/** What the kernel says, unless the measurement makes that unbelievable; then nobody knows. */
export function isSpinning({ rotational, flush }: Pick<DiskFolder, 'rotational' | 'flush'>): boolean | null {
  return rotational === true && flush !== null && flush.medianMs < NO_PLATTER_MS ? null : rotational;
}

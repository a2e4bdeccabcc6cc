// The file systems under the folders that the product uses: room, kind, disks, and how long a flush takes.

import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { disksUnder, storeOf } from '../block-devices.ts';
import type { DiskFolder, FlushFacts, FolderRole } from '../facts.ts';
import { measureFlush } from '../flush.ts';
import { mountOf, parseMountinfo, type Mount } from '../parse/mounts.ts';
import type { Source } from '../source.ts';
import type { Collector } from './context.ts';
import { printable } from '../printable.ts';

const FLUSH_BUDGET_MS = 1_200;
/** Where data is written for good; the others only need room. */
const FLUSHED: readonly FolderRole[] = ['state', 'engine'];

export const collectDisks: Collector<'disks'> = async (source, { paths, engine }) => {
  const mounts = parseMountinfo((await source.text('/proc/self/mountinfo')) ?? '');
  const wanted: readonly (readonly [FolderRole, string])[] = [
    ['state', paths.state],
    ['engine', (await engine()).details?.dataRoot ?? (await configuredDataRoot(source))],
    ['programs', paths.programs],
    ['temporary', tmpdir()],
  ];
  const folders: DiskFolder[] = [];
  for (const [role, path] of wanted) folders.push(await folderOf(source, mounts, role, path));
  return { folders: await withFlushes(source, folders) };
};

/** Where an engine that does not run will keep its data. */
async function configuredDataRoot(source: Source): Promise<string> {
  const text = (await source.text('/etc/docker/daemon.json')) ?? '';
  return /"data-root"\s*:\s*"(\/[^"\\]+)"/.exec(text)?.[1] ?? '/var/lib/docker';
}

/** The folder itself, or the nearest one above it that exists. */
export async function nearestExisting(source: Source, path: string): Promise<string> {
  let here = path;
  while (here !== '/' && !(await source.exists(here))) here = dirname(here);
  return (await source.real(here)) ?? here;
}

async function folderOf(
  source: Source,
  mounts: readonly Mount[],
  role: FolderRole,
  path: string,
): Promise<DiskFolder> {
  const probedAt = await nearestExisting(source, path);
  const mount = mountOf(mounts, probedAt);
  if (mount === undefined) throw new Error(`no mount holds ${path}`);
  const space = await statfs(source.at(probedAt));
  const { disks, rotational } = await disksUnder(source, mount);
  return {
    role,
    path,
    probedAt,
    mount: mount.point,
    device: printable(mount.source),
    filesystem: mount.filesystem,
    readOnly: mount.options.has('ro') || mount.superOptions.has('ro'),
    noExec: mount.options.has('noexec'),
    totalBytes: space.blocks * space.bsize,
    freeBytes: space.bavail * space.bsize,
    inodes: space.files === 0 ? null : space.files,
    inodesFree: space.files === 0 ? null : space.ffree,
    disks: [...disks],
    rotational,
    xfsFtype: mount.filesystem === 'xfs' ? await xfsFtype(source, mount.point) : null,
    flush: null,
  };
}

async function xfsFtype(source: Source, mountPoint: string): Promise<boolean | null> {
  const said = await source.command('xfs_info', [mountPoint]);
  const digit = /\bftype=([01])/.exec(said?.stdout ?? '')?.[1];
  return digit === undefined ? null : digit === '1';
}

/** Folders on one file system share one measurement, and all measurements share one budget. */
async function withFlushes(source: Source, folders: readonly DiskFolder[]): Promise<DiskFolder[]> {
  const wanted = folders.filter((folder) => FLUSHED.includes(folder.role) && !folder.readOnly);
  const stores = [...new Set(wanted.map(storeOf))];
  const measured = new Map<string, FlushFacts | null>();
  for (const store of stores) {
    const folder = wanted.find((one) => storeOf(one) === store)!;
    measured.set(store, await tryFlush(source, folder.probedAt, FLUSH_BUDGET_MS / stores.length));
  }
  return folders.map((folder) =>
    FLUSHED.includes(folder.role) ? { ...folder, flush: measured.get(storeOf(folder)) ?? null } : folder,
  );
}

async function tryFlush(source: Source, folder: string, budgetMs: number): Promise<FlushFacts | null> {
  try {
    return await measureFlush(source.at(folder), budgetMs);
  } catch (error) {
    source.unseen.push(`How long a flush takes in ${folder} could not be measured: ${messageOf(error)}.`);
    return null;
  }
}

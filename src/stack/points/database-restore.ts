// A copy, or a volume that was left, becomes the data folder of a new volume. The volume that holds the data now is only
// read by whoever runs on it: which one is used is decided elsewhere, so a restore can be undone by naming the old one again.

import { readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError } from '../../base/errors.ts';
import { readTextIfAny, writeFileAtomic } from '../../base/files.ts';
import { run } from '../../base/process.ts';
import { formatBytes, MIB } from '../../base/units.ts';
import type { Engine } from '../../engine/index.ts';
import { isOurVolume, makeVolume, volumeLabels, type VolumeSpec } from '../volumes.ts';
import { readCopy, type CopyRoom } from './database-copy.ts';
import { findPlace, sizeOfFolder, type CopyName } from './place.ts';

/** Beside the data: says that the volume is whole, and where it came from. MySQL passes over it. */
const MARK = '.onstead-restored.json';
/** The server's identity: two servers with one would write different transactions under the same names. */
const IDENTITY = 'auto.cnf';
const COPIED_WITHIN_MS = 4 * 60 * 60_000;
const SPARE_BYTES = 256 * MIB;

/** What is restored: the point's copy, or the volume that stands for it, on which nobody runs any more. */
export interface RestoreSource extends CopyName {
  readonly engine: Engine;
  readonly from?: string;
}

export interface RestoreTask extends RestoreSource {
  /** The new volume; `restoredVolumeOf` names it. */
  readonly volume: VolumeSpec;
  readonly signal?: AbortSignal;
}

/** Another name for each operation: what one left behind is never taken for another's. */
export function restoredVolumeOf(project: string, key: string, operation: string): string {
  return `${project}_${key}.${operation}`;
}

/**
 * On return the volume holds the copy, whole and on the disk. May be begun again after a kill at any moment: a volume
 * that is not whole is emptied first. One that is whole is left alone, also when MySQL has worked on it since.
 */
export async function restoreDatabase({ volume, signal, ...source }: RestoreTask): Promise<void> {
  const { engine, point, service } = source;
  const folder = await folderOf(source);
  if (!(await isOurVolume(engine, volume.name, volume.owner))) await makeVolume(engine, volume);
  const { mountpoint } = (await engine.volumes.inspect(volume.name))!;
  const mark = join(mountpoint, MARK);
  if ((await readTextIfAny(mark)) !== undefined) return;
  for (const entry of await readdir(mountpoint)) {
    await rm(join(mountpoint, entry), { recursive: true, force: true });
  }
  refuseTooLittle(await roomFor(folder, mountpoint));
  const options = { timeoutMs: COPIED_WITHIN_MS, ...(signal === undefined ? {} : { signal }) };
  const files = (await readdir(folder)).filter(isData).map((name) => join(folder, name));
  // Where the file system can share blocks this takes no time and no room.
  await run('cp', ['-a', '--reflink=auto', '-t', mountpoint, '--', ...files], options);
  await run('sync', ['--file-system', mountpoint], options);
  await writeFileAtomic(mark, `${JSON.stringify({ point, service })}\n`);
}

/** How much a restore takes and how much there is, as the restore itself asks; changes nothing. */
export async function measureRestore(source: RestoreSource): Promise<CopyRoom> {
  const folder = await folderOf(source);
  return roomFor(folder, folder);
}

async function roomFor(folder: string, place: string): Promise<CopyRoom> {
  const { bavail, bsize } = await statfs(place);
  return { neededBytes: (await sizeOfFolder(folder, isData)) + SPARE_BYTES, freeBytes: bavail * bsize };
}

function isData(name: string): boolean {
  return name !== MARK && name !== IDENTITY;
}

async function folderOf({ engine, from, ...name }: RestoreSource): Promise<string> {
  if (from === undefined) {
    const copy = await readCopy(engine, name);
    const place = await findPlace(engine, name);
    if (copy !== undefined && place !== undefined) return place.data;
  } else {
    const volume = await engine.volumes.inspect(from);
    if (volume !== undefined) return volume.mountpoint;
  }
  throw noCopy(name);
}

/** The point that the volume was restored from; undefined where it is no restored one, or not whole. */
export async function restoredFrom(engine: Engine, volume: string): Promise<string | undefined> {
  const facts = await engine.volumes.inspect(volume);
  const text = facts && (await readTextIfAny(join(facts.mountpoint, MARK)));
  return text === undefined ? undefined : (JSON.parse(text) as { point: string }).point;
}

/** The volumes of this stack that hold or held the data of this key, whichever is in use. */
export async function volumesOfKey(engine: Engine, project: string, key: string): Promise<string[]> {
  const labels = [`${volumeLabels.project}=${project}`, `${volumeLabels.key}=${key}`];
  return (await engine.volumes.list({ labels })).map(({ name }) => name);
}

export function refuseTooLittle({ neededBytes, freeBytes }: CopyRoom): void {
  if (freeBytes >= neededBytes) return;
  throw new OnsteadError(
    'points.no-room',
    `To restore the database takes ${formatBytes(neededBytes)}, and ${formatBytes(freeBytes)} are free.`,
    { next: 'Free some space on that disk, then try again; the data of now is untouched.' },
  );
}

function noCopy({ point, service }: CopyName): OnsteadError {
  return new OnsteadError('points.no-copy', `The restore point ${point} has no whole copy of "${service}".`, {
    next: 'Choose another restore point.',
  });
}

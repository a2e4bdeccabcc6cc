// The files of a service that has ended, copied as they lie. A copy is there when it is whole, and only then.

import { existsSync } from 'node:fs';
import { readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError } from '../../base/errors.ts';
import { ensureFolder, syncFolder } from '../../base/files.ts';
import { run } from '../../base/process.ts';
import { formatBytes, MIB } from '../../base/units.ts';
import type { Engine } from '../../engine/index.ts';
import { sizeOfFolder } from '../points/place.ts';
import { makeVolume, removeVolumeMadeBy, type VolumeSpec } from '../volumes.ts';

const COPIED_WITHIN_MS = 4 * 60 * 60_000;
const SPARE_BYTES = 256 * MIB;

/** The volume's files beside the rest of what is kept; an older copy of the same gives way. */
export async function keepVolumeFiles(engine: Engine, volume: string, copy: string): Promise<void> {
  const next = `${copy}.new`;
  await rm(next, { recursive: true, force: true });
  await ensureFolder(next, 0o700);
  await copyFiles(await folderOf(engine, volume), next);
  await flushFiles(next);
  await rm(copy, { recursive: true, force: true });
  await rename(next, copy);
}

/** False where no copy was kept: then the volume stays as it is. Nobody may run on it. */
export async function putVolumeFilesBack(engine: Engine, volume: string, copy: string): Promise<boolean> {
  if (!existsSync(copy)) return false;
  const folder = await folderOf(engine, volume);
  await empty(folder);
  await copyFiles(copy, folder);
  await flushFiles(folder);
  return true;
}

/** Asked before anything waits for the copy. */
export async function requireRoomForCopy(engine: Engine, volume: string): Promise<void> {
  const folder = await folderOf(engine, volume);
  const neededBytes = (await sizeOfFolder(folder)) + SPARE_BYTES;
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < neededBytes) throw noRoom(neededBytes, bavail * bsize);
}

/** Makes the volume anew, with the files of the other one. Nobody may run on either. */
export async function copyVolume(
  engine: Engine,
  from: string,
  to: VolumeSpec,
  signal: AbortSignal,
): Promise<void> {
  await removeVolumeMadeBy(engine, to.name, to.operation);
  await makeVolume(engine, to);
  const source = await folderOf(engine, from);
  const target = await folderOf(engine, to.name);
  await copyFiles(source, target, signal);
  await run('sync', ['--file-system', target], { timeoutMs: COPIED_WITHIN_MS, signal });
}

/**
 * A MySQL that starts on this volume names what it writes from then on by an identity of its own. Where a copy went on as
 * the server of before, this one must not. Nobody may run on it.
 */
export async function endLineOfTransactions(engine: Engine, volume: string): Promise<void> {
  const folder = await folderOf(engine, volume);
  await rm(join(folder, 'auto.cnf'), { force: true });
  await syncFolder(folder);
}

/** The volume that a container has at this place. */
export async function volumeNameOfMount(
  engine: Engine,
  container: string,
  target: string,
): Promise<string | undefined> {
  const facts = await engine.containers.inspect(container);
  return facts?.mounts.find((mount) => mount.target === target)?.name;
}

export async function measureVolume(engine: Engine, volume: string): Promise<number> {
  const facts = await engine.volumes.inspect(volume);
  return facts === undefined ? 0 : sizeOfFolder(facts.mountpoint);
}

/** Where the file system can share blocks this takes no time and no room. */
async function copyFiles(from: string, to: string, signal?: AbortSignal): Promise<void> {
  const options = { timeoutMs: COPIED_WITHIN_MS, ...(signal === undefined ? {} : { signal }) };
  await run('cp', ['-a', '--reflink=auto', `${from}/.`, to], options);
}

/** These few alone: on a busy disk everything else would be waited for too. */
async function flushFiles(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.map(({ parentPath, name }) => join(parentPath, name));
  await run('sync', ['--', folder, ...files], { timeoutMs: COPIED_WITHIN_MS });
}

async function empty(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
}

async function folderOf(engine: Engine, volume: string): Promise<string> {
  const facts = await engine.volumes.inspect(volume);
  if (facts !== undefined) return facts.mountpoint;
  throw new OnsteadError('stack.no-volume', `The volume "${volume}" is not there.`, {
    next: 'Run `onstead install` with the installed bundle: it puts the volumes right.',
  });
}

function noRoom(neededBytes: number, freeBytes: number): OnsteadError {
  return new OnsteadError(
    'points.no-room',
    `A copy of the database takes ${formatBytes(neededBytes)}, and ${formatBytes(freeBytes)} are free.`,
    { next: 'Free some space on that disk, then try again; the data is untouched.' },
  );
}

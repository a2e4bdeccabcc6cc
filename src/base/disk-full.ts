// A full disk, told in the same words wherever it is met.

import { randomBytes } from 'node:crypto';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError, systemCode } from './errors.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL', 'machine.disk-full']);

export function isDiskFull(error: unknown): boolean {
  return FULL.has(systemCode(error) ?? '');
}

/** The error itself, or the plain words for a full disk. */
export function asDiskFull(error: unknown, path: string): unknown {
  if (!isDiskFull(error) || error instanceof OnsteadError) return error;
  return new OnsteadError('machine.disk-full', `The disk is full: ${path} could not be written.`, {
    next: 'Free some space on that disk, then try again.',
    cause: error,
  });
}

const PLENTY_BYTES = 64 * 1024 * 1024;
const TRIAL_BYTES = 64 * 1024;

/** Whether a small file still fits. File systems keep reserves that their numbers do not tell, so it is tried. */
export async function hasRoom(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize > PLENTY_BYTES) return true;
  const path = join(folder, `.room.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeFile(path, randomBytes(TRIAL_BYTES), { flush: true });
    return true;
  } catch (error) {
    if (isDiskFull(error)) return false;
    throw error;
  } finally {
    await rm(path, { force: true });
  }
}

// Enough room asked for before a bundle is written, and a full disk told in a bundle's words after.

import { statfs } from 'node:fs/promises';
import { OnsteadError } from '../base/errors.ts';
import { formatBytes } from '../base/units.ts';

/** A fifth more than is known to be needed, since layers and folders take more than their bytes. */
export async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = Math.ceil(bytes * 1.2);
  if (bavail * bsize >= needed) return;
  throw new OnsteadError(
    'bundle.no-space',
    `Building needs ${formatBytes(needed)} in ${folder}; ${formatBytes(bavail * bsize)} are free.`,
    { next: 'Free some space there, or name another folder for the bundle or the cache.' },
  );
}

export function diskFull(folder: string, cause: unknown): OnsteadError {
  return new OnsteadError('bundle.no-space', `The disk became full while writing to ${folder}.`, {
    next: 'Free some space there, or name another folder, then try again.',
    cause,
  });
}

// A read-only file system, told in the same words wherever it is met.

import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { OnsteadError, systemCode } from './errors.ts';

/** The error itself, or the plain words where the file's folder cannot be written because of its file system. */
export function asReadOnly(error: unknown, path: string): unknown {
  if (!isReadOnly(dirname(path))) return error;
  return new OnsteadError('machine.read-only', `${path} stands on a read-only file system.`, {
    next: 'See why with `dmesg`, make the file system writable again, then try again.',
    cause: error,
  });
}

function isReadOnly(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return false;
  } catch (error) {
    return systemCode(error) === 'EROFS';
  }
}

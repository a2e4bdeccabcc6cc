// A full disk, told in the same words wherever it is met.

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

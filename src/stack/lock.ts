// Two locks. One at a time changes the stack: an operation, the daemon bringing it up, `onstead boot`, `onstead uninstall`.
// And one at a time is at the data: whoever copies it, and whoever puts other data, or another server, in its place.

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ensureFolder, writeFileAtomic } from '../base/files.ts';
import { withLock } from '../base/lock.ts';
import { endOrphans } from '../base/orphans.ts';
import type { Paths } from '../base/paths.ts';

export interface LockOptions {
  readonly signal?: AbortSignal;
  /** Called once where somebody else holds it. */
  readonly onWait?: () => void;
}

/** Whoever holds it knows that children of an earlier holder have no business any more, and ends them. */
export async function lockStack<T>(
  paths: Paths,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  await ensureFolder(dirname(paths.stackLock), 0o700);
  const alone = async (): Promise<T> => {
    await endOrphans(paths.state);
    return work();
  };
  return withLock(paths.stackLock, alone, options);
}

/**
 * Narrower, and held for a step at most: a clone under way would be ended by the next one, and a server that is replaced
 * would take a copy that is being made with it. Taken after the stack's lock where both are, never before it.
 */
export async function lockData<T>(
  paths: Pick<Paths, 'dataLock'>,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  await ensureFolder(dirname(paths.dataLock), 0o700);
  return withLock(paths.dataLock, work, options);
}

/** Stands on the disk while an operation is not over, so that nobody takes what it has half written for whole. */
export async function markChanging(paths: Paths, operation: string): Promise<void> {
  await writeFileAtomic(paths.stackChanging, `${operation}\n`);
}

/** Nothing is under way any more, so nothing goes back to what was before either. */
export async function markWhole(paths: Paths): Promise<void> {
  await rm(paths.stackBefore, { recursive: true, force: true });
  await rm(paths.stackNext, { recursive: true, force: true });
  await rm(paths.stackChanging, { force: true });
}

export function isWhole(paths: Paths): boolean {
  return !existsSync(paths.stackChanging);
}

// One at a time changes the stack: an operation, the daemon bringing it up, `onstead boot`, `onstead uninstall`.
// Whoever holds it knows that children of an earlier holder have no business any more, and ends them.

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ensureFolder, writeFileAtomic } from '../base/files.ts';
import { withLock } from '../base/lock.ts';
import { endOrphans } from '../base/orphans.ts';
import type { Paths } from '../base/paths.ts';

export interface HoldOptions {
  readonly signal?: AbortSignal;
  /** Called once where somebody else holds it. */
  readonly onWait?: () => void;
}

export async function holdStack<T>(
  paths: Paths,
  work: () => Promise<T>,
  options: HoldOptions = {},
): Promise<T> {
  await ensureFolder(dirname(paths.stackLock), 0o700);
  const alone = async (): Promise<T> => {
    await endOrphans(paths.state);
    return work();
  };
  return withLock(paths.stackLock, alone, options);
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

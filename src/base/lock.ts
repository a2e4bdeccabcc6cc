// A lock between processes of this machine. It is SQLite's lock on an empty file, since the kernel takes that back
// from a process that dies: there is never a stale one to clear, and no id that another process may have by now.

import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { asDiskFull } from './disk-full.ts';
import { systemCode } from './errors.ts';
import { asReadOnly } from './read-only.ts';

const LOOK_EVERY_MS = 100;
/** A moment's wait is nobody's concern. */
const LOOKS_BEFORE_TELLING = 10;

export interface Lock {
  release(): void;
}

/** Undefined where somebody else holds it, in this process or another. */
export function tryLock(path: string): Lock | undefined {
  let file: Database.Database | undefined;
  try {
    file = new Database(path, { timeout: 0 });
    file.pragma('journal_mode = memory'); // nothing is written, so nothing has to lie beside it
    file.exec('begin exclusive');
    const held = file;
    return { release: () => void held.close() };
  } catch (error) {
    file?.close();
    if (systemCode(error) === 'SQLITE_BUSY') return undefined;
    throw asReadOnly(asDiskFull(error, path), path);
  }
}

/** Does the work while holding the lock; waits for it as long as the signal allows. */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  options: { readonly signal?: AbortSignal; readonly onWait?: () => void } = {},
): Promise<T> {
  const { signal, onWait } = options;
  let lock = tryLock(path);
  for (let looks = 1; lock === undefined; looks += 1) {
    if (looks === LOOKS_BEFORE_TELLING) onWait?.();
    await sleep(LOOK_EVERY_MS, undefined, { signal });
    lock = tryLock(path);
  }
  try {
    signal?.throwIfAborted();
    return await work();
  } finally {
    lock.release();
  }
}

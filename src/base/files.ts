// Files that survive a power cut: written beside, flushed, renamed, and the folder flushed too.

import { open, mkdir, readFile, rename, rm, chown } from 'node:fs/promises';
import { dirname, join, basename } from 'node:path';
import { randomBytes } from 'node:crypto';
import { asDiskFull } from './disk-full.ts';
import { systemCode } from './errors.ts';

export interface WriteOptions {
  readonly mode?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** After this resolves the file holds exactly `content`; before, exactly what it held. */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  const folder = dirname(path);
  const draft = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const handle = await open(draft, 'wx', options.mode ?? 0o644).catch((error: unknown) => {
    throw asDiskFull(error, path);
  });
  try {
    await handle.writeFile(content);
    if (options.mode !== undefined) await handle.chmod(options.mode);
    await handle.sync();
    await handle.close();
    if (options.owner !== undefined) await chown(draft, options.owner.uid, options.owner.gid);
    await rename(draft, path);
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(draft, { force: true });
    throw asDiskFull(error, path);
  }
  await syncFolder(folder);
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function ensureFolder(path: string, mode = 0o755): Promise<void> {
  await mkdir(path, { recursive: true, mode }).catch((error: unknown) => {
    throw asDiskFull(error, path);
  });
}

/** The text of a file, or undefined where there is none. Every other failure is thrown. */
export async function readTextIfAny(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

// Takes things out of a verified bundle. Everything is hashed again on the way, because the file may have changed
// since; inflating stops at the signed size; and nothing appears under its final name before it is whole.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { isDiskFull } from '../base/disk-full.ts';
import { isOnsteadError, OnsteadError, systemCode } from '../base/errors.ts';
import { syncFolder } from '../base/files.ts';
import { diskFull } from './disk-space.ts';
import { damaged } from './bundle-reader.ts';
import { writeAll } from './write-all.ts';
import type { BundleReader, Range } from './bundle-reader.ts';

/** The content of a range; the last step fails if the hash is not the signed one. */
export async function* checkedChunks(
  reader: BundleReader,
  range: Range,
  sha256: string,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of reader.chunks(range)) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== sha256) throw damaged('a part of it has changed since it was verified');
}

export interface Inflation {
  readonly unpackedBytes: number;
  /** Digest of the inflated content, where one is signed. */
  readonly diffId?: string;
}

/** Inflates at most the signed number of bytes, and demands exactly that many. */
export async function* inflated(chunks: AsyncIterable<Buffer>, expected: Inflation): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  const feeding = pipeline(Readable.from(chunks, { objectMode: true, highWaterMark: 2 }), gunzip);
  feeding.catch(() => {}); // awaited below
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > expected.unpackedBytes) throw tooLarge(expected.unpackedBytes);
      hash.update(chunk);
      yield chunk;
    }
    await feeding;
  } catch (error) {
    // A disk that fails, or a reader that goes away in the middle, says nothing about the bundle.
    throw systemCode(error)?.startsWith('Z_') ? damaged('a compressed part cannot be inflated') : error;
  } finally {
    gunzip.destroy();
  }
  if (sizeBytes !== expected.unpackedBytes) throw damaged('a compressed part is smaller than was signed');
  if (expected.diffId !== undefined && `sha256:${hash.digest('hex')}` !== expected.diffId) {
    throw damaged('a layer does not have the signed content');
  }
}

function tooLarge(limit: number): OnsteadError {
  return new OnsteadError(
    'bundle.bomb',
    `A part of the bundle inflates to more than the ${limit} bytes that are signed.`,
    {
      next: 'Do not use this bundle; ask the vendor.',
    },
  );
}

export async function writeChecked(chunks: AsyncIterable<Buffer>, path: string, mode: number): Promise<void> {
  await mkdir(dirname(resolve(path)), { recursive: true });
  const draft = join(dirname(resolve(path)), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const file = await open(draft, 'wx', mode);
  try {
    for await (const chunk of chunks) await writeAll(file, chunk);
    await file.sync();
    await file.close();
    await rename(draft, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(draft, { force: true });
    throw asUnpackFailure(error, path);
  }
  await syncFolder(dirname(resolve(path)));
}

/** Unpacks a tar into a folder that must not exist yet; it appears whole, or not at all. */
export async function unpackFolder(chunks: AsyncIterable<Buffer>, folder: string): Promise<void> {
  const draft = `${resolve(folder)}.${randomBytes(6).toString('hex')}.tmp`;
  await mkdir(draft, { recursive: true });
  try {
    await unpackInto(chunks, draft);
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw asUnpackFailure(error, folder);
  }
  await syncFolder(dirname(resolve(folder)));
}

async function unpackInto(chunks: AsyncIterable<Buffer>, root: string): Promise<void> {
  const reader = extract();
  const feeding = pipeline(Readable.from(chunks, { objectMode: true, highWaterMark: 2 }), reader);
  feeding.catch(() => {}); // the loop meets the same error
  const links: { path: string; target: string }[] = [];
  for await (const entry of reader) {
    const { name, type, linkname, mode = 0o644 } = entry.header;
    const path = name.replace(/\/$/, '');
    if (!isInside(path)) throw damaged(`"${path.replace(/[^\x20-\x7e]/g, '?')}" would leave the folder`);
    if (type === 'directory') await mkdir(join(root, path), { recursive: true });
    else if (
      type === 'symlink' &&
      isInside(posix.join(posix.dirname(path), linkname ?? '/')) &&
      !linkname!.startsWith('/')
    ) {
      links.push({ path, target: linkname! });
    } else if (type === 'file') {
      await mkdir(join(root, posix.dirname(path)), { recursive: true });
      await writeFile(join(root, path), entry as AsyncIterable<Uint8Array>, {
        mode: (mode & 0o111) === 0 ? 0o644 : 0o755,
        flag: 'wx',
      });
      continue;
    } else throw damaged(`"${path}" is not a plain file, folder or inner link`);
    entry.resume();
  }
  await feeding;
  // Last, so that no file can be written through a link.
  for (const { path, target } of links) {
    await mkdir(join(root, posix.dirname(path)), { recursive: true });
    await symlink(target, join(root, path));
  }
}

function isInside(path: string): boolean {
  if (path === '' || path.startsWith('/') || path.includes('\0') || path.includes('\\')) return false;
  return path.split('/').every((part) => part !== '..');
}

function asUnpackFailure(error: unknown, target: string): unknown {
  if (isOnsteadError(error)) return error;
  if (isDiskFull(error)) return diskFull(target, error);
  switch (systemCode(error)) {
    case 'ENOTEMPTY':
      return new OnsteadError('bundle.exists', `The folder ${target} exists already.`, {
        next: 'Remove it, or name another.',
        cause: error,
      });
    case 'EEXIST':
    case 'ENOTDIR':
    case 'EISDIR':
      return damaged('two things in it have the same name');
    default:
      return error;
  }
}

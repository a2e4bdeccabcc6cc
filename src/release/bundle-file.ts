// Puts the parts of a bundle into one tar: written beside, flushed, renamed. Each part is hashed again while it is
// copied, so that a cache that rotted is noticed here and not by a customer.

import { createHash } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OnsteadError } from '../base/errors.ts';
import { syncFolder } from '../base/files.ts';
import { TAR_END, paddingOf, tarHeader } from './tar.ts';
import { writeAll } from './write-all.ts';

export interface Part {
  readonly path: string;
  readonly sizeBytes: number;
  /** Hex. */
  readonly sha256: string;
  readonly content: Uint8Array | { readonly file: string };
}

export interface WriteOptions {
  readonly onBytes: (count: number) => void;
  readonly signal?: AbortSignal;
}

const CHUNK = 1024 * 1024;

export function partOf(path: string, content: Uint8Array | string): Part {
  const bytes = Buffer.from(content);
  return {
    path,
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    content: bytes,
  };
}

export async function writeBundleFile(
  outPath: string,
  draft: string,
  parts: readonly Part[],
  options: WriteOptions,
): Promise<number> {
  const out = await open(draft, 'wx', 0o644);
  try {
    for (const part of parts) await writePart(out, part, options);
    await writeAll(out, TAR_END);
    await out.sync();
    await out.close();
    await rename(draft, outPath);
  } catch (error) {
    await out.close().catch(() => {});
    await rm(draft, { force: true });
    throw error;
  }
  await syncFolder(dirname(outPath));
  return (await stat(outPath)).size;
}

async function writePart(out: FileHandle, part: Part, { onBytes, signal }: WriteOptions): Promise<void> {
  await writeAll(out, tarHeader(part.path, part.sizeBytes));
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of chunksOf(part)) {
    signal?.throwIfAborted();
    hash.update(chunk);
    sizeBytes += chunk.length;
    await writeAll(out, chunk);
    onBytes(chunk.length);
  }
  if (sizeBytes !== part.sizeBytes || hash.digest('hex') !== part.sha256) throw changed(part);
  const padding = paddingOf(part.sizeBytes);
  if (padding > 0) await writeAll(out, Buffer.alloc(padding));
}

async function* chunksOf(part: Part): AsyncGenerator<Uint8Array> {
  if (part.content instanceof Uint8Array) {
    if (part.content.length > 0) yield part.content;
    return;
  }
  const file = await open(part.content.file);
  const buffer = Buffer.allocUnsafe(CHUNK);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

function changed(part: Part): OnsteadError {
  return new OnsteadError('bundle.cache', `A cached part of the bundle (${part.path}) is damaged.`, {
    next: 'Build again; the damaged part has been removed from the cache.',
    details: [{ message: part.path, sha256: part.sha256 }],
  });
}

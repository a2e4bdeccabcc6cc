// Takes things out of a verified bundle. Everything is hashed again on the way, because the file may have changed
// since, and inflating stops at the signed size.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { OnsteadError, systemCode } from '../base/errors.ts';
import { damaged } from './bundle-reader.ts';
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

/** A plain layer from a file of its own; the last step fails if it is another one than was signed. */
export async function* checkedLayer(path: string, diffId: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    yield chunk;
  }
  if (`sha256:${hash.digest('hex')}` !== diffId) throw damaged('a layer does not have the signed content');
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

// Layers that a delta left out, taken back out of an engine's own `docker save`: for a store that takes no archive
// without them. What they hold is checked against the signed index when they are sent.

import { createReadStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import { asDiskFull } from '../base/disk-full.ts';
import { spool } from './blob-store.ts';

export interface BorrowOptions {
  readonly archive: Readable;
  /** diffIDs. */
  readonly wanted: ReadonlySet<string>;
  /** Where the plain layers go. */
  readonly folder: string;
  readonly signal?: AbortSignal;
}

/** By diffID the file that holds the plain layer; a layer that the archive does not hold is not in it. */
export async function borrowLayers(options: BorrowOptions): Promise<ReadonlyMap<string, string>> {
  const { archive, folder, signal } = options;
  const files = new Map<string, string>();
  const reader = extract();
  const feeding = pipeline(archive, reader, signal === undefined ? {} : { signal });
  feeding.catch(() => {}); // the loop below meets the same error
  try {
    for await (const entry of reader) {
      if (entry.header.type === 'file') await keepIfWanted(entry as AsyncIterable<Buffer>, options, files);
      else entry.resume();
    }
    await feeding;
  } catch (error) {
    throw asDiskFull(error, folder);
  } finally {
    reader.destroy();
    archive.destroy();
  }
  return files;
}

/** Its name says nothing in one of the layouts, so each piece is written down and known by its digest. */
async function keepIfWanted(
  entry: AsyncIterable<Buffer>,
  { wanted, folder }: BorrowOptions,
  files: Map<string, string>,
): Promise<void> {
  const path = join(folder, 'piece');
  const { digest, head } = await spool(entry, path, () => {});
  const plain = wanted.has(digest) ? { path, diffId: digest } : await inflatedPiece(path, head);
  if (plain !== undefined && wanted.has(plain.diffId)) {
    const kept = join(folder, plain.diffId.replace('sha256:', ''));
    await rename(plain.path, kept);
    files.set(plain.diffId, kept);
  }
  for (const left of [path, `${path}.plain`]) await rm(left, { force: true });
}

async function inflatedPiece(
  path: string,
  head: Buffer,
): Promise<{ path: string; diffId: string } | undefined> {
  const magic = head.toString('hex');
  const isGzip = magic.startsWith('1f8b');
  if (!isGzip && !magic.startsWith('28b52ffd')) return undefined;
  const inflate = isGzip ? createGunzip({ chunkSize: 256 * 1024 }) : createZstdDecompress();
  const feeding = pipeline(createReadStream(path), inflate);
  feeding.catch(() => {}); // `spool` meets the same error
  const { digest } = await spool(inflate, `${path}.plain`, () => {});
  await feeding;
  return { path: `${path}.plain`, diffId: digest };
}

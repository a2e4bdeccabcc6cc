// Writes what a restore of objects would remove into a tar file, so that it can be had again with any tool. The file is
// whole or not there.

import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';
import { isAfter, type Version } from '../points/version-rules.ts';
import { pagesOf } from './version-pages.ts';

/** Answers how many; with none there is no file. */
export async function exportNewer(
  client: S3Client,
  buckets: readonly string[],
  { cutMs, file }: { readonly cutMs: number; readonly file: string },
): Promise<number> {
  const archive = pack();
  const broken = new AbortController();
  const written = pipeline(archive, createWriteStream(`${file}.part`, { flush: true }), {
    signal: broken.signal,
  });
  written.catch(() => {}); // it is awaited below, unless what is written into it failed first
  try {
    let count = 0;
    for (const bucket of buckets) {
      for await (const version of newest(client, bucket, cutMs)) {
        await Promise.race([add(archive, client, bucket, version), written]);
        count += 1;
      }
    }
    archive.finalize();
    await written;
    if (count === 0) await rm(`${file}.part`);
    else await rename(`${file}.part`, file);
    return count;
  } catch (error) {
    broken.abort(error);
    await rm(`${file}.part`, { force: true });
    throw error;
  }
}

/** Of each object that is there the version of now, where it is newer than the cut. */
async function* newest(client: S3Client, bucket: string, cutMs: number): AsyncGenerator<Version> {
  let last: string | undefined;
  for await (const page of pagesOf(client, bucket)) {
    for (const version of page) {
      const isNewest = version.key !== last;
      last = version.key;
      if (isNewest && !version.isMarker && isAfter(version, cutMs)) yield version;
    }
  }
}

async function add(archive: Pack, client: S3Client, bucket: string, { key, id }: Version): Promise<void> {
  const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: id }));
  const { ContentLength: size = 0, LastModified: mtime = new Date(0) } = answer;
  await pipeline(answer.Body as Readable, archive.entry({ name: `${bucket}/${key}`, size, mtime })); // in Node it is a stream
}

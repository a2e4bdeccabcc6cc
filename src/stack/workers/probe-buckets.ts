// Proves that an object store takes, gives back and deletes, whatever its health route says.

import { randomBytes } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3ServiceException,
  type S3Client,
} from '@aws-sdk/client-s3';
import { OnsteadError } from '../../base/errors.ts';

const PROBE_PREFIX = '.onstead/probe-';
const PROBE_BYTES = 64 * 1024;

/** A store that answers a health route may still not store: put, get, compare, delete. Nothing of it stays. */
export async function probe(client: S3Client, buckets: readonly string[]): Promise<string[]> {
  for (const bucket of buckets) {
    if (!(await exists(client, bucket))) {
      throw new OnsteadError('store.no-bucket', `The object store has no bucket "${bucket}".`, {
        next: 'Run the installation again: it makes the buckets that are missing.',
      });
    }
    await sweep(client, bucket);
    await putAndGet(client, { Bucket: bucket, Key: PROBE_PREFIX + randomBytes(8).toString('hex') });
  }
  return [...buckets];
}

interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

/** A probe that was cut off leaves its object behind; the next one removes it. */
async function sweep(client: S3Client, bucket: string): Promise<void> {
  const { Contents = [] } = await client.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: PROBE_PREFIX }),
  );
  for (const { Key } of Contents) {
    if (Key !== undefined) await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
  }
}

async function putAndGet(client: S3Client, place: Place): Promise<void> {
  let written: Place & { VersionId?: string } = place;
  try {
    const body = randomBytes(PROBE_BYTES);
    const { VersionId } = await client.send(new PutObjectCommand({ ...place, Body: body }));
    // Where versions are kept, a deletion without one would keep it, and a marker.
    if (VersionId !== undefined) written = { ...place, VersionId };
    const { Body } = await client.send(new GetObjectCommand({ ...place }));
    const back = await Body!.transformToByteArray();
    if (!body.equals(back)) throw corrupts(place);
  } catch (error) {
    await client.send(new DeleteObjectCommand(written)).catch(() => {}); // what went wrong first is the news
    throw error instanceof Error && /checksum mismatch/i.test(error.message) ? corrupts(place) : error;
  }
  await client.send(new DeleteObjectCommand(written));
}

function corrupts({ Bucket }: Place): OnsteadError {
  return new OnsteadError(
    'store.corrupts',
    `The object store gave back other bytes than it took (bucket "${Bucket}").`,
    { next: 'Check the disk under the object store before you trust it with data.' },
  );
}

export async function exists(client: S3Client, bucket: string): Promise<boolean> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }));
    return true;
  } catch (error) {
    if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) return false;
    throw error;
  }
}

// Speaks S3 and nothing else: makes buckets, and proves that the store takes, gives back and deletes.

import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { createHash, randomBytes } from 'node:crypto';
import { isOnsteadError, OnsteadError } from '../../base/errors.ts';
import { answerOnce } from '../../base/worker.ts';
import type { ObjectStoreQuestion } from '../object-store.ts';

const PROBE_PREFIX = '.onstead/probe-';
const PROBE_BYTES = 64 * 1024;

async function answer(question: ObjectStoreQuestion): Promise<string[]> {
  const client = new S3Client({
    endpoint: question.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: question.credentials,
    maxAttempts: 5,
  });
  try {
    return question.kind === 'ensure-buckets'
      ? await ensureBuckets(client, question.buckets)
      : await probe(client, question.buckets);
  } catch (error) {
    throw storeError(error, question.endpoint);
  } finally {
    client.destroy();
  }
}

/** The library's errors name neither the store nor the cause: a refused HEAD is an "UnknownError". */
function storeError(error: unknown, endpoint: string): unknown {
  if (isOnsteadError(error)) return error;
  const next = "See the store's own words with `onstead logs minio`.";
  if (!(error instanceof S3ServiceException)) {
    return new OnsteadError('store.unreachable', `The object store at ${endpoint} does not answer.`, {
      next,
    });
  }
  const status = error.$metadata.httpStatusCode;
  if (status === 401 || status === 403) {
    return new OnsteadError('store.refused', "The object store refuses this appliance's keys.", {
      next: 'Its data may come from another appliance: restore the secrets that belong to it.',
    });
  }
  return new OnsteadError(
    'store.failed',
    `The object store answered ${status ?? 'nothing'}: ${error.name}.`,
    { next },
  );
}

/** Makes what is missing; answers with the names of the new buckets. */
async function ensureBuckets(client: S3Client, buckets: readonly string[]): Promise<string[]> {
  const made: string[] = [];
  for (const bucket of buckets) {
    if (await exists(client, bucket)) continue;
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    made.push(bucket);
  }
  return made;
}

/** A store that answers a health route may still not store: put, get, compare, delete. */
async function probe(client: S3Client, buckets: readonly string[]): Promise<string[]> {
  for (const bucket of buckets) {
    if (!(await exists(client, bucket))) {
      throw new OnsteadError('store.no-bucket', `The object store has no bucket "${bucket}".`, {
        next: 'Run the installation again: it makes the buckets that are missing.',
      });
    }
    const key = PROBE_PREFIX + randomBytes(8).toString('hex');
    const body = randomBytes(PROBE_BYTES);
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const back = await Body!.transformToByteArray();
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    if (digest(back) !== digest(body)) {
      throw new OnsteadError(
        'store.corrupts',
        `The object store gave back other bytes than it took (bucket "${bucket}").`,
        {
          next: 'Check the disk under the object store before you trust it with data.',
        },
      );
    }
  }
  return [...buckets];
}

async function exists(client: S3Client, bucket: string): Promise<boolean> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }));
    return true;
  } catch (error) {
    if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) return false;
    throw error;
  }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

await answerOnce(answer);

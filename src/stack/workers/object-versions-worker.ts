// Works on the versions of objects: names a moment, goes back to one, counts and clears away. One page of a listing at
// a time is all that it holds.

import {
  DeleteObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { OnsteadError } from '../../base/errors.ts';
import { answerOnce } from '../../base/worker.ts';
import type { ObjectVersionsQuestion, Swept } from '../points/objects.ts';
import { ChangeTally, type ObjectChanges } from '../points/version-rules.ts';
import { exportNewer } from './export-objects.ts';
import { putBackObjects } from './put-back-objects.ts';
import { withStore } from './s3.ts';
import { isVersioned, sweepVersions } from './sweep-versions.ts';
import { pagesOf } from './version-pages.ts';

const CLOCK_PREFIX = '.onstead/clock-';
const TICKS = 200;
type Reply = number | ObjectChanges | readonly string[] | Swept;

function answer(question: ObjectVersionsQuestion): Promise<Reply> {
  const { buckets } = question;
  return withStore<Reply>(question, (client) => {
    switch (question.kind) {
      case 'cut':
        return cut(client, buckets);
      case 'restore':
        return putBackObjects(client, buckets, question.cutMs);
      case 'count':
        return count(client, buckets, question.cutMs);
      case 'export':
        return exportNewer(client, buckets, question);
      case 'sweep':
        return sweepVersions(client, buckets, question);
      case 'versioned':
        return versioned(client, buckets);
    }
  });
}

async function cut(client: S3Client, buckets: readonly string[]): Promise<number> {
  for (const bucket of buckets) await keepVersions(client, bucket);
  const [first] = buckets;
  return first === undefined ? 0 : readClock(client, first);
}

async function versioned(client: S3Client, buckets: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const bucket of buckets) if (await isVersioned(client, bucket)) found.push(bucket);
  return found;
}

async function keepVersions(client: S3Client, bucket: string): Promise<void> {
  if (await isVersioned(client, bucket)) return;
  await client.send(
    new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
  );
  if (await isVersioned(client, bucket)) return;
  throw new OnsteadError(
    'store.no-versions',
    `The object store keeps no versions in its bucket "${bucket}".`,
    {
      next: 'Use an object store with bucket versioning: a restore point needs it.',
    },
  );
}

/**
 * The store's own time. Some stores know whole seconds only: it is not answered before the clock went on, so that
 * nothing that is written later can bear the same time.
 */
async function readClock(client: S3Client, bucket: string): Promise<number> {
  await sweepClocks(client, bucket);
  const prefix = CLOCK_PREFIX + randomBytes(6).toString('hex');
  try {
    let first: number | undefined;
    for (let tick = 0; tick < TICKS; tick += 1) {
      const atMs = await timeOf(client, bucket, `${prefix}-${tick}`);
      first ??= atMs;
      if (atMs > first) return first;
      await sleep(20);
    }
    throw clockStands();
  } finally {
    await sweepClocks(client, bucket);
  }
}

async function timeOf(client: S3Client, bucket: string, key: string): Promise<number> {
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: '' }));
  for await (const [version] of pagesOf(client, bucket, key)) {
    if (version !== undefined) return version.atMs;
  }
  throw clockStands();
}

/** Also those that a kill left, versions and all. */
async function sweepClocks(client: S3Client, bucket: string): Promise<void> {
  for await (const page of pagesOf(client, bucket, CLOCK_PREFIX)) {
    for (const { key, id } of page) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: id }));
    }
  }
}

async function count(client: S3Client, buckets: readonly string[], cutMs: number): Promise<ObjectChanges> {
  const sums = { written: 0, deleted: 0, versions: 0 };
  for (const bucket of buckets) {
    const tally = new ChangeTally(cutMs);
    for await (const page of pagesOf(client, bucket)) for (const version of page) tally.add(version);
    const { written, deleted, versions } = tally.result();
    sums.written += written;
    sums.deleted += deleted;
    sums.versions += versions;
  }
  return sums;
}

function clockStands(): OnsteadError {
  return new OnsteadError('store.clock', "The object store's clock does not go on.", {
    next: 'Look at the clock of the machine that the store runs on, then try again.',
  });
}

await answerOnce(answer);

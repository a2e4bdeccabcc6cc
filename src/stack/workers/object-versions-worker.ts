// Works on the versions of objects: names a moment, goes back to one, counts and clears away. One page of a listing at
// a time is all that it holds.

import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { OnsteadError } from '../../base/errors.ts';
import { answerOnce } from '../../base/worker.ts';
import type { ObjectVersionsQuestion } from '../points/objects.ts';
import { ChangeTally, Sweeper, type ObjectChanges, type Version } from '../points/version-rules.ts';
import { exportNewer } from './export-objects.ts';
import { putBackObjects } from './put-back-objects.ts';
import { withStore } from './s3.ts';
import { PAGE_KEYS, pagesOf } from './version-pages.ts';

const CLOCK_PREFIX = '.onstead/clock-';
const TICKS = 200;
/** A list of keys to remove is XML; these go one by one. */
// oxlint-disable-next-line no-control-regex
const NOT_IN_XML = /[\u0000-\u001f\ufffe\uffff]/;

function answer(question: ObjectVersionsQuestion): Promise<number | ObjectChanges> {
  const { buckets } = question;
  return withStore<number | ObjectChanges>(question, (client) => {
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
        return sweep(client, buckets, question.cutsMs);
    }
  });
}

async function cut(client: S3Client, buckets: readonly string[]): Promise<number> {
  for (const bucket of buckets) await keepVersions(client, bucket);
  const [first] = buckets;
  return first === undefined ? 0 : readClock(client, first);
}

async function keepVersions(client: S3Client, bucket: string): Promise<void> {
  const isKept = async (): Promise<boolean> =>
    (await client.send(new GetBucketVersioningCommand({ Bucket: bucket }))).Status === 'Enabled';
  if (await isKept()) return;
  await client.send(
    new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
  );
  if (await isKept()) return;
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

async function sweep(
  client: S3Client,
  buckets: readonly string[],
  cutsMs: readonly number[],
): Promise<number> {
  for (const bucket of cutsMs.length === 0 ? buckets : []) await suspend(client, bucket);
  return removeEach(client, buckets, cutsMs);
}

/** A bucket that never had versions stays as it is. */
async function suspend(client: S3Client, bucket: string): Promise<void> {
  const { Status } = await client.send(new GetBucketVersioningCommand({ Bucket: bucket }));
  if (Status !== 'Enabled') return;
  await client.send(
    new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Suspended' } }),
  );
}

async function removeEach(
  client: S3Client,
  buckets: readonly string[],
  cutsMs: readonly number[],
): Promise<number> {
  let removed = 0;
  for (const bucket of buckets) {
    const choice = new Sweeper(cutsMs);
    for await (const page of pagesOf(client, bucket)) {
      removed += await remove(
        client,
        bucket,
        page.flatMap((version) => choice.add(version)),
      );
    }
    removed += await remove(client, bucket, choice.end());
  }
  return removed;
}

async function remove(client: S3Client, bucket: string, versions: readonly Version[]): Promise<number> {
  const inXml = versions.filter(({ key }) => !NOT_IN_XML.test(key));
  for (let at = 0; at < inXml.length; at += PAGE_KEYS) {
    const Objects = inXml.slice(at, at + PAGE_KEYS).map(({ key, id }) => ({ Key: key, VersionId: id }));
    const { Errors = [] } = await client.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
    );
    if (Errors[0] !== undefined) throw notRemoved(bucket, Errors.length, Errors[0].Code);
  }
  for (const { key, id } of versions.filter(({ key }) => NOT_IN_XML.test(key))) {
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: id }));
  }
  return versions.length;
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

function notRemoved(bucket: string, count: number, code: string | undefined): OnsteadError {
  return new OnsteadError(
    'store.not-removed',
    `The object store did not remove ${count} versions in its bucket "${bucket}": ${code ?? 'no reason given'}.`,
    { next: "See the store's own words with `onstead logs minio`, then try again." },
  );
}

await answerOnce(answer);

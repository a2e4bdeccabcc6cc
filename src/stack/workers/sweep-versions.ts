// Clears away versions of objects that nobody needs, for a while at a time: where one portion ends the next goes on.

import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  PutBucketVersioningCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { OnsteadError } from '../../base/errors.ts';
import type { Swept, SweepTask } from '../points/objects.ts';
import { Sweeper, type Version } from '../points/version-rules.ts';
import { PAGE_KEYS, pagesOf } from './version-pages.ts';

/** A list of keys to remove is XML; these go one by one. */
// oxlint-disable-next-line no-control-regex
const NOT_IN_XML = /[\u0000-\u001f\ufffe\uffff]/;

export async function sweepVersions(
  client: S3Client,
  buckets: readonly string[],
  { cutsMs, from, forMs = Infinity }: SweepTask,
): Promise<Swept> {
  for (const bucket of cutsMs.length === 0 ? buckets : []) await suspend(client, bucket);
  const endMs = performance.now() + forMs;
  const first = Math.max(0, from === undefined ? 0 : buckets.indexOf(from.bucket));
  let removed = 0;
  for (const bucket of buckets.slice(first)) {
    const choice = new Sweeper(cutsMs);
    const keys = new WholeKeys();
    const after = from?.bucket === bucket ? from.key : undefined;
    for await (const page of pagesOf(client, bucket, undefined, PAGE_KEYS, after)) {
      const unneeded = page.flatMap((version) => {
        keys.add(version);
        return choice.add(version);
      });
      removed += await remove(client, bucket, unneeded);
      if (keys.last !== undefined && performance.now() >= endMs) {
        return { removed, next: { bucket, key: keys.last } };
      }
    }
    removed += await remove(client, bucket, choice.end());
  }
  return { removed };
}

/** Of the last key in a page more versions may come; the one before it was seen whole. */
class WholeKeys {
  #now: string | undefined;
  last: string | undefined;

  add({ key }: Version): void {
    if (key === this.#now) return;
    this.last = this.#now;
    this.#now = key;
  }
}

/** A bucket that never had versions stays as it is. */
async function suspend(client: S3Client, bucket: string): Promise<void> {
  if (!(await isVersioned(client, bucket))) return;
  await client.send(
    new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Suspended' } }),
  );
}

export async function isVersioned(client: S3Client, bucket: string): Promise<boolean> {
  return (await client.send(new GetBucketVersioningCommand({ Bucket: bucket }))).Status === 'Enabled';
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

function notRemoved(bucket: string, count: number, code: string | undefined): OnsteadError {
  return new OnsteadError(
    'store.not-removed',
    `The object store did not remove ${count} versions in its bucket "${bucket}": ${code ?? 'no reason given'}.`,
    { next: "See the store's own words with `onstead logs minio`, then try again." },
  );
}

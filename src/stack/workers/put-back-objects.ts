// Brings objects back to a cut without removing anything: the old version is written anew, and what was not there is
// hidden by a delete marker. So whoever changes their mind finds everything beneath.

import {
  CopyObjectCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import {
  isAfter,
  isSameContent,
  putBackTo,
  Restorer,
  type PutBack,
  type Version,
} from '../points/version-rules.ts';
import { pagesOf } from './version-pages.ts';

/** At one time: people wait for it. */
const AT_ONCE = 8;

/** Answers how many objects were put back; done again it finds nothing to do. */
export async function putBackObjects(
  client: S3Client,
  buckets: readonly string[],
  cutMs: number,
): Promise<number> {
  let count = 0;
  for (const bucket of buckets) {
    const restorer = new Restorer(cutMs);
    for await (const page of pagesOf(client, bucket)) {
      const found = page.flatMap((version) => restorer.add(version));
      count += await putEachBack(client, bucket, cutMs, found);
    }
    count += await putEachBack(client, bucket, cutMs, restorer.end());
  }
  return count;
}

async function putEachBack(
  client: S3Client,
  bucket: string,
  cutMs: number,
  found: readonly PutBack[],
): Promise<number> {
  let count = 0;
  for (let at = 0; at < found.length; at += AT_ONCE) {
    const done = found.slice(at, at + AT_ONCE).map((one) => putOneBack(client, bucket, cutMs, one));
    count += (await Promise.all(done)).filter(Boolean).length;
  }
  return count;
}

/** False where it was as it should be. */
async function putOneBack(client: S3Client, bucket: string, cutMs: number, found: PutBack): Promise<boolean> {
  const { key: Key, id } = found.version;
  switch (found.kind) {
    case 'ask': {
      const [known] = await askStore(client, bucket, found.version, cutMs);
      return known !== undefined && putOneBack(client, bucket, cutMs, known);
    }
    case 'hide':
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
      return true;
    case 'write': {
      if (await isSame(client, bucket, found.version, found.now)) return false;
      const CopySource = `${bucket}/${encodeURIComponent(Key)}?versionId=${id}`;
      await client.send(new CopyObjectCommand({ Bucket: bucket, Key, CopySource }));
      return true;
    }
  }
}

/** A listing of several versions gives markers apart from the rest; one by one they come in the store's own order. */
async function askStore(
  client: S3Client,
  bucket: string,
  now: Version,
  cutMs: number,
): Promise<readonly PutBack[]> {
  for await (const [version] of pagesOf(client, bucket, now.key, 1)) {
    if (version?.key !== now.key) break; // others begin like it
    if (!isAfter(version, cutMs)) return putBackTo(now, version);
  }
  return putBackTo(now, undefined);
}

/** The same bytes may have been written with another type or other words beside them. */
async function isSame(client: S3Client, bucket: string, left: Version, right: Version): Promise<boolean> {
  if (!isSameContent(left, right)) return false;
  const [one, other] = await Promise.all(
    [left, right].map(({ key, id }) =>
      client.send(new HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: id })),
    ),
  );
  return besideOf(one!) === besideOf(other!);
}

function besideOf(head: HeadObjectCommandOutput): string {
  const { ContentType, ContentEncoding, ContentDisposition, ContentLanguage, CacheControl } = head;
  const words = Object.entries(head.Metadata ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    ...[ContentType, ContentEncoding, ContentDisposition, ContentLanguage, CacheControl],
    words,
  ]);
}

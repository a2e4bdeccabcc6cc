// Lists all versions of the objects in a bucket, one page at a time.

import {
  ListObjectVersionsCommand,
  type DeleteMarkerEntry,
  type ListObjectVersionsCommandOutput,
  type ObjectVersion,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Version } from '../points/version-rules.ts';

export const PAGE_KEYS = 1000;

/** All versions of a bucket, page by page: key after key, newest first. */
export async function* pagesOf(
  client: S3Client,
  bucket: string,
  prefix?: string,
  pageKeys = PAGE_KEYS,
  afterKey?: string,
): AsyncGenerator<Version[]> {
  let from: { KeyMarker?: string; VersionIdMarker?: string } =
    afterKey === undefined ? {} : { KeyMarker: afterKey };
  for (;;) {
    const page = await client.send(
      new ListObjectVersionsCommand({
        Bucket: bucket,
        MaxKeys: pageKeys,
        // A key may hold signs that no XML can.
        EncodingType: 'url',
        ...(prefix === undefined ? {} : { Prefix: prefix }),
        ...from,
      }),
    );
    yield versionsIn(page);
    const { IsTruncated, NextKeyMarker, NextVersionIdMarker } = page;
    if (IsTruncated !== true || NextKeyMarker === undefined) return;
    from = {
      KeyMarker: decoded(NextKeyMarker, page),
      ...(NextVersionIdMarker === undefined ? {} : { VersionIdMarker: NextVersionIdMarker }),
    };
  }
}

/** The library gives versions and delete markers as two lists; put together again as the store ordered them. */
function versionsIn(page: ListObjectVersionsCommandOutput): Version[] {
  const { Versions = [], DeleteMarkers = [] } = page;
  const read = (isMarker: boolean) => (one: DeleteMarkerEntry) => ({
    key: decoded(one.Key!, page),
    id: one.VersionId!,
    atMs: one.LastModified!.getTime(),
    isLatest: one.IsLatest === true,
    isMarker,
  });
  const versions = Versions.map((one) => ({ ...read(false)(one), ...contentOf(one) }));
  return [...versions, ...DeleteMarkers.map(read(true))].toSorted(asListed);
}

function contentOf({ ETag, Size }: ObjectVersion): { content?: string } {
  return ETag === undefined ? {} : { content: `${ETag} ${Size}` };
}

/** A marker before a version of the same moment: it is kept as long as what it may hide is. */
function asListed(a: Version & { isLatest: boolean }, b: Version & { isLatest: boolean }): number {
  if (a.key !== b.key) return Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
  if (a.isLatest !== b.isLatest) return a.isLatest ? -1 : 1;
  return b.atMs - a.atMs || Number(b.isMarker) - Number(a.isMarker);
}

function decoded(key: string, { EncodingType }: ListObjectVersionsCommandOutput): string {
  return EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key;
}

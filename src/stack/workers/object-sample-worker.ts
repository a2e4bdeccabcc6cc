// Reads a sample of objects over S3 and sums them; bounded in number and size, whatever the store holds.

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectVersionsCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { answerOnce } from '../../base/worker.ts';
import type { ObjectSampleQuestion, SampledObject } from '../data/object-sample.ts';
import { probe } from './probe-buckets.ts';
import { isRefusal, withStore } from './s3.ts';

const OBJECTS = 12;
const LARGEST_BYTES = 4 * 1024 * 1024;
const BETWEEN_MS = 100;

function answer(question: ObjectSampleQuestion): Promise<SampledObject[]> {
  // Asked again and again by itself: the library would wait longer each time.
  if (question.kind === 'answers') return withStore(question, (client) => answers(client, question), 1);
  return withStore(question, async (client) => {
    switch (question.kind) {
      case 'choose':
        return readAll(client, await choose(client, question.buckets));
      case 'prove':
        await probe(client, question.buckets);
        return readAll(client, question.objects);
    }
  });
}

/** One entry where it does; which one says nothing. One that says nothing but no, to the end, is not on its way. */
async function answers(
  client: S3Client,
  { buckets, withinMs }: { readonly buckets: readonly string[]; readonly withinMs: number },
): Promise<SampledObject[]> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    try {
      for (const bucket of buckets) await client.send(new HeadBucketCommand({ Bucket: bucket }));
      return [{ bucket: buckets[0] ?? '', key: '' }];
    } catch (error) {
      if (performance.now() > endMs) {
        if (isRefusal(error)) throw error;
        return [];
      }
      await sleep(BETWEEN_MS);
    }
  }
}

/** Spread over the first page of each bucket's listing. */
async function choose(client: S3Client, buckets: readonly string[]): Promise<SampledObject[]> {
  const chosen: SampledObject[] = [];
  for (const bucket of buckets) {
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    const small = Versions.filter(({ IsLatest, Size = 0 }) => IsLatest === true && Size <= LARGEST_BYTES);
    const each = Math.max(1, Math.ceil((small.length * buckets.length) / OBJECTS));
    for (const { Key: key = '', VersionId: version } of small.filter((_, at) => at % each === 0)) {
      chosen.push({ bucket, key, ...(version === undefined ? {} : { version }) });
    }
  }
  return chosen;
}

async function readAll(client: S3Client, objects: readonly SampledObject[]): Promise<SampledObject[]> {
  const read: SampledObject[] = [];
  for (const { bucket, key, version } of objects) {
    const place = { bucket, key, ...(version === undefined ? {} : { version }) };
    const sha256 = await sumOf(client, place).catch(() => undefined); // missing; whoever compares says so
    read.push({ ...place, ...(sha256 === undefined ? {} : { sha256 }) });
  }
  return read;
}

async function sumOf(client: S3Client, { bucket, key, version }: SampledObject): Promise<string> {
  const place = { Bucket: bucket, Key: key, ...(version === undefined ? {} : { VersionId: version }) };
  const { Body } = await client.send(new GetObjectCommand(place));
  const hash = createHash('sha256');
  for await (const chunk of Body as AsyncIterable<Uint8Array>) hash.update(chunk); // in Node it is always such a stream
  return hash.digest('hex');
}

await answerOnce(answer);

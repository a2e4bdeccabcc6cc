// Takes some objects out of a store into a folder, or puts what a folder holds into a store.

import { GetObjectCommand, PutObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MIB } from '../../base/units.ts';
import { answerOnce } from '../../base/worker.ts';
import type { CarriedObjects, CarryQuestion } from '../carry-objects.ts';
import { withStore } from './s3.ts';

const MOST_OBJECTS = 200;
const MOST_BYTES = 256 * MIB;
const LIST = 'list.json';

interface Taken {
  readonly bucket: string;
  readonly key: string;
  readonly type: string | undefined;
}

function answer(question: CarryQuestion): Promise<CarriedObjects> {
  return withStore(question, (client) =>
    question.kind === 'take' ? take(client, question) : put(client, question.folder),
  );
}

async function take(client: S3Client, { buckets, folder }: CarryQuestion): Promise<CarriedObjects> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const taken: Taken[] = [];
  let bytes = 0;
  for (const bucket of buckets) {
    for await (const { key, size } of listed(client, bucket)) {
      if (taken.length >= MOST_OBJECTS) break;
      if (bytes + size > MOST_BYTES) continue;
      const { Body, ContentType } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      await pipeline(Body as Readable, createWriteStream(fileOf(folder, taken.length), { mode: 0o600 }));
      taken.push({ bucket, key, type: ContentType });
      bytes += size;
    }
  }
  await writeFile(join(folder, LIST), JSON.stringify(taken));
  return { objects: taken.length, bytes };
}

async function put(client: S3Client, folder: string): Promise<CarriedObjects> {
  const taken = JSON.parse(await readFile(join(folder, LIST), 'utf8')) as Taken[];
  let bytes = 0;
  for (const [at, { bucket, key, type }] of taken.entries()) {
    const path = fileOf(folder, at);
    const { size } = await stat(path);
    await client.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: createReadStream(path),
        ContentLength: size,
        ContentType: type,
      }),
    );
    bytes += size;
  }
  return { objects: taken.length, bytes };
}

/** No more pages are asked for than are read. */
async function* listed(client: S3Client, bucket: string): AsyncGenerator<{ key: string; size: number }> {
  for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, MaxKeys: MOST_OBJECTS })) {
    for (const { Key, Size } of page.Contents ?? []) {
      if (Key !== undefined) yield { key: Key, size: Size ?? 0 };
    }
  }
}

const fileOf = (folder: string, at: number): string => join(folder, String(at));

await answerOnce(answer);

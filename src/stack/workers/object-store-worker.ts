// Speaks S3 and nothing else: makes buckets, and proves that the store takes, gives back and deletes.

import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { answerOnce } from '../../base/worker.ts';
import type { ObjectStoreQuestion } from '../object-store.ts';
import { exists, probe } from './probe-buckets.ts';
import { withStore } from './s3.ts';

function answer(question: ObjectStoreQuestion): Promise<string[]> {
  return withStore(question, (client) =>
    question.kind === 'ensure-buckets'
      ? ensureBuckets(client, question.buckets)
      : probe(client, question.buckets),
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

await answerOnce(answer);

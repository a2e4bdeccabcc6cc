// A sample of an object store's objects, read to the last byte and summed, so that the same can be asked before and
// after its server is replaced.

import { OnsteadError } from '../../base/errors.ts';
import { askWorker } from '../../base/worker.ts';
import type { ObjectStoreAccess } from '../object-store.ts';

export interface SampledObject {
  readonly bucket: string;
  readonly key: string;
  /** Where versions are kept, it is this one that is read again, whatever was written since. */
  readonly version?: string;
  /** Absent where it could not be read. */
  readonly sha256?: string;
}

export type ObjectSampleQuestion = ObjectStoreAccess &
  (
    | { readonly kind: 'choose'; readonly buckets: readonly string[] }
    | {
        readonly kind: 'prove';
        readonly buckets: readonly string[];
        readonly objects: readonly SampledObject[];
      }
    | { readonly kind: 'answers'; readonly buckets: readonly string[]; readonly withinMs: number }
  );

const READ_WITHIN_MS = 5 * 60_000;

export function sampleObjects(
  access: ObjectStoreAccess,
  buckets: readonly string[],
  signal: AbortSignal,
): Promise<SampledObject[]> {
  return ask({ ...access, kind: 'choose', buckets }, signal);
}

/** Whether it answers for each bucket before this time is over. Throws where it answers, and refuses the keys. */
export async function isStoreThere(
  access: ObjectStoreAccess,
  buckets: readonly string[],
  withinMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const [answer] = await ask({ ...access, kind: 'answers', buckets, withinMs }, signal);
  return answer !== undefined;
}

/** Throws where a bucket does not take and give, or an object of the sample is not what it was. */
export async function proveObjects(
  access: ObjectStoreAccess,
  buckets: readonly string[],
  before: readonly SampledObject[],
  signal: AbortSignal,
): Promise<string> {
  const now = await ask({ ...access, kind: 'prove', buckets, objects: before }, signal);
  // Without versions an object may rightly be another one by now.
  const wrong = before.filter(
    ({ version, sha256 }, at) => version !== undefined && now[at]?.sha256 !== sha256,
  );
  if (wrong.length === 0) {
    return `a put, a get and a delete worked; ${before.length} objects have the sums of before`;
  }
  throw new OnsteadError(
    'store.other-data',
    `The object store does not give back what it held: ${wrong.length} of ${before.length} objects that were read are missing or others.`,
    {
      next: 'Do not go on with it; see `onstead operations show`, and look at the disk below the object store.',
      details: wrong.slice(0, 10).map(({ bucket, key }) => ({ message: `${bucket}/${key}` })),
    },
  );
}

function ask(question: ObjectSampleQuestion, signal: AbortSignal): Promise<SampledObject[]> {
  const { networkOfPid } = question;
  return askWorker<ObjectSampleQuestion, SampledObject[]>(
    import.meta.url,
    '../workers/object-sample-worker',
    question,
    { ...(networkOfPid === undefined ? {} : { networkOfPid }), signal, timeoutMs: READ_WITHIN_MS },
  );
}

// The object store as the daemon sees it: an S3 address inside the stack's network and a pair of keys.

import { askWorker } from '../base/worker.ts';

export interface ObjectStoreAccess {
  readonly endpoint: string;
  /** The store's own process: the machine has no address in the stack's networks, so it is asked from within. */
  readonly networkOfPid?: number;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export type ObjectStoreQuestion = ObjectStoreAccess & {
  readonly kind: 'ensure-buckets' | 'probe';
  readonly buckets: readonly string[];
};

/** Makes the buckets that are missing; resolves with their names. */
export function ensureBuckets(access: ObjectStoreAccess, buckets: readonly string[]): Promise<string[]> {
  return ask({ ...access, kind: 'ensure-buckets', buckets });
}

/** Throws unless every bucket takes an object, gives it back unchanged and deletes it. */
export async function probeBuckets(access: ObjectStoreAccess, buckets: readonly string[]): Promise<void> {
  await ask({ ...access, kind: 'probe', buckets });
}

function ask(question: ObjectStoreQuestion): Promise<string[]> {
  const { networkOfPid } = question;
  const where = networkOfPid === undefined ? {} : { networkOfPid };
  return askWorker<ObjectStoreQuestion, string[]>(
    import.meta.url,
    './workers/object-store-worker',
    question,
    where,
  );
}

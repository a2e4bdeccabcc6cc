// The S3 client of the short-lived workers, and its errors in our words. Only workers load it.

import { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { isOnsteadError, OnsteadError } from '../../base/errors.ts';
import type { ObjectStoreAccess } from '../object-store.ts';

/** Hands a client to the work and closes it afterwards. */
export async function withStore<Result>(
  access: ObjectStoreAccess,
  work: (client: S3Client) => Promise<Result>,
  maxAttempts = 5,
): Promise<Result> {
  const client = new S3Client({
    endpoint: access.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: access.credentials,
    maxAttempts,
  });
  try {
    return await work(client);
  } catch (error) {
    throw storeError(error, access.endpoint);
  } finally {
    client.destroy();
  }
}

/** Whoever asks is known, and not allowed: asking again does not change that. */
export function isRefusal(error: unknown): boolean {
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
  return status === 401 || status === 403;
}

/** The library's errors name neither the store nor the cause: a refused HEAD is an "UnknownError". */
function storeError(error: unknown, endpoint: string): unknown {
  if (isOnsteadError(error)) return error;
  const next = "See the store's own words with `onstead logs minio`.";
  if (!(error instanceof S3ServiceException)) {
    return new OnsteadError('store.unreachable', `The object store at ${endpoint} does not answer.`, {
      next,
    });
  }
  const status = error.$metadata.httpStatusCode;
  if (isRefusal(error)) {
    return new OnsteadError('store.refused', "The object store refuses this appliance's keys.", {
      next: 'Its data may come from another appliance: restore the secrets that belong to it.',
    });
  }
  return new OnsteadError(
    'store.failed',
    `The object store answered ${status ?? 'nothing'}: ${error.name}.`,
    { next },
  );
}

// The bundle that was verified last in this process. A file that has not changed since is not hashed a second time;
// one that has is verified again, and must still be the same bundle.

import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { OnsteadError } from '../base/errors.ts';
import { openBundle, readTrustedKeys, type VerifiedBundle } from '../release/index.ts';
import type { BundleReference } from './install-plan.ts';

export interface OpenOptions {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export const releasePath = 'release/compose.yaml';

interface Shelved {
  readonly mark: string;
  readonly bundle: VerifiedBundle;
  users: number;
}

export class BundleShelf {
  readonly #trustFolder: string;
  #newest: Shelved | undefined;

  constructor(trustFolder: string) {
    this.#trustFolder = trustFolder;
  }

  /** Hands `work` the verified bundle at `path`, whatever bundle it is; the file stays open until `work` is done. */
  async usePath<T>(
    path: string,
    options: OpenOptions,
    work: (bundle: VerifiedBundle) => Promise<T>,
  ): Promise<T> {
    const shelved = await this.#shelve(path, options);
    shelved.users += 1;
    try {
      return await work(shelved.bundle);
    } finally {
      shelved.users -= 1;
      await this.#closeIfForgotten(shelved);
    }
  }

  /** The bundle that an operation was planned with. */
  use<T>(
    reference: BundleReference,
    options: OpenOptions,
    work: (bundle: VerifiedBundle) => Promise<T>,
  ): Promise<T> {
    return this.usePath(reference.path, options, (bundle) => {
      if (bundleId(bundle) === reference.id) return work(bundle);
      throw new OnsteadError(
        'bundle.changed',
        `The file ${reference.path} is another bundle than the one that was planned with.`,
        { next: 'Put the bundle back, or start again with the new one.' },
      );
    });
  }

  /** Puts the last one away too; for the end of the daemon. */
  async close(): Promise<void> {
    const last = this.#newest;
    this.#newest = undefined;
    if (last !== undefined) await this.#closeIfForgotten(last);
  }

  async #shelve(path: string, { onProgress, signal }: OpenOptions): Promise<Shelved> {
    const mark = await markOf(path);
    if (this.#newest?.mark === mark) return this.#newest;
    const bundle = await openBundle(path, {
      trustedKeys: await readTrustedKeys(this.#trustFolder),
      ...(onProgress === undefined
        ? {}
        : { onProgress: ({ doneBytes, totalBytes }) => onProgress(doneBytes, totalBytes) }),
      ...(signal === undefined ? {} : { signal }),
    });
    const before = this.#newest;
    this.#newest = { mark, bundle, users: 0 };
    if (before !== undefined) await this.#closeIfForgotten(before);
    return this.#newest;
  }

  /** An operation may still read from a bundle when somebody looks at another one. */
  async #closeIfForgotten(shelved: Shelved): Promise<void> {
    if (shelved !== this.#newest && shelved.users === 0) await shelved.bundle.close();
  }
}

/** The signed index names every file by its digest, so its own digest names the bundle. */
export function bundleId({ index }: VerifiedBundle): string {
  return createHash('sha256').update(JSON.stringify(index)).digest('hex');
}

async function markOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [path, dev, ino, size, mtimeNs, ctimeNs].join('/');
  } catch (cause) {
    throw new OnsteadError('bundle.missing', `There is no bundle at ${path}.`, {
      next: 'Check the path and copy the bundle there.',
      cause,
    });
  }
}

// The bundle that was verified last in this process. A file that has not changed since is not hashed a second time;
// one that has is verified again, and must still be the same bundle.

import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { isOnsteadError, OnsteadError } from '../base/errors.ts';
import type { Journal } from '../journal/index.ts';
import { openBundle, readTrustedKeys, type VerifiedBundle } from '../release/index.ts';
import type { BundleReference } from './install-plan.ts';

export interface OpenOptions {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Where a person said last that a bundle is. Durable: the operation that reads it may outlive this process. */
const PLACE = 'bundlePlace';

export const releasePath = 'release/compose.yaml';

interface Shelved {
  readonly mark: string;
  readonly bundle: VerifiedBundle;
  users: number;
}

export class BundleShelf {
  readonly #trustFolder: string;
  readonly #facts: Pick<Journal, 'fact' | 'setFact'>;
  #newest: Shelved | undefined;
  /** Whoever opens one now; the next waits for it. */
  #opening: Promise<unknown> = Promise.resolve();

  constructor(trustFolder: string, facts: Pick<Journal, 'fact' | 'setFact'>) {
    this.#trustFolder = trustFolder;
    this.#facts = facts;
  }

  /** Hands `work` the verified bundle at `path`, whatever bundle it is; the file stays open until `work` is done. */
  async usePath<T>(
    path: string,
    options: OpenOptions,
    work: (bundle: VerifiedBundle) => Promise<T>,
  ): Promise<T> {
    const shelved = await this.#take(path, options);
    try {
      return await work(shelved.bundle);
    } finally {
      shelved.users -= 1;
      await this.#closeIfForgotten(shelved);
    }
  }

  /** The file of this bundle is there now, whatever an operation was planned with. */
  remember(place: BundleReference): void {
    this.#facts.setFact(PLACE, place);
  }

  /** The bundle that an operation was planned with, where it was said to be last. */
  async use<T>(
    reference: BundleReference,
    options: OpenOptions,
    work: (bundle: VerifiedBundle) => Promise<T>,
  ): Promise<T> {
    return this.usePath(await this.#pathOf(reference), options, async (bundle) => {
      if (bundleId(bundle) === reference.id) return work(bundle);
      throw new OnsteadError(
        'bundle.changed',
        `The file ${bundle.path} is another bundle than the one that was planned with.`,
        { next: 'Put the planned bundle back there, or give the same command with its new path.' },
      );
    });
  }

  /** Puts the last one away too; for the end of the daemon. */
  async close(): Promise<void> {
    const last = this.#newest;
    this.#newest = undefined;
    if (last !== undefined) await this.#closeIfForgotten(last);
  }

  async #pathOf({ path, id }: BundleReference): Promise<string> {
    const told = this.#facts.fact<BundleReference>(PLACE);
    if (told?.id === id && (await isThere(told.path))) return told.path;
    if (await isThere(path)) return path;
    const last = told?.id === id ? told.path : path;
    throw new OnsteadError('bundle.missing', `The bundle is not at ${last} any more.`, {
      next: 'Put the file back there, or give the same command with its new path.',
    });
  }

  /** One after the other: two at once would read the same file twice, and each put away what the other opened. */
  async #take(path: string, options: OpenOptions): Promise<Shelved> {
    const before = this.#opening;
    const turn = Promise.withResolvers<void>();
    this.#opening = Promise.all([before, turn.promise]);
    try {
      await until(before, options.signal);
      return await this.#shelve(path, options);
    } finally {
      turn.resolve();
    }
  }

  /** Counts the user in the same moment as it is found or made: from then on nobody closes it. */
  async #shelve(path: string, { onProgress, signal }: OpenOptions): Promise<Shelved> {
    const mark = await markOf(path);
    const known = this.#newest;
    if (known?.mark === mark) {
      known.users += 1;
      return known;
    }
    const bundle = await openBundle(path, {
      trustedKeys: await readTrustedKeys(this.#trustFolder),
      ...(onProgress === undefined
        ? {}
        : { onProgress: ({ doneBytes, totalBytes }) => onProgress(doneBytes, totalBytes) }),
      ...(signal === undefined ? {} : { signal }),
    });
    const made: Shelved = { mark, bundle, users: 1 };
    const before = this.#newest;
    this.#newest = made;
    if (before !== undefined) await this.#closeIfForgotten(before);
    return made;
  }

  /** An operation may still read from a bundle when somebody looks at another one. */
  async #closeIfForgotten(shelved: Shelved): Promise<void> {
    if (shelved !== this.#newest && shelved.users === 0) await shelved.bundle.close();
  }
}

/** Resolves with `work`; rejects at once when the signal is aborted. */
async function until(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return void (await work);
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The signed index names every file by its digest, so its own digest names the bundle. */
export function bundleId({ index }: VerifiedBundle): string {
  return createHash('sha256').update(JSON.stringify(index)).digest('hex');
}

/** An operation that finds its bundle gone, or another one there, has not failed: the right one may come back. */
export function isBundleAway(error: unknown): boolean {
  return isOnsteadError(error, 'bundle.missing') || isOnsteadError(error, 'bundle.changed');
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
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

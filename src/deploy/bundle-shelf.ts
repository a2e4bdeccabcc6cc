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

export class BundleShelf {
  readonly #trustFolder: string;
  #open: { readonly mark: string; readonly bundle: VerifiedBundle } | undefined;

  constructor(trustFolder: string) {
    this.#trustFolder = trustFolder;
  }

  /** Verifies the file at `path`, whatever bundle it is. */
  async openPath(path: string, options: OpenOptions = {}): Promise<VerifiedBundle> {
    const mark = await markOf(path);
    if (this.#open?.mark === mark) return this.#open.bundle;
    const { onProgress, signal } = options;
    const bundle = await openBundle(path, {
      trustedKeys: await readTrustedKeys(this.#trustFolder),
      ...(onProgress === undefined
        ? {}
        : { onProgress: ({ doneBytes, totalBytes }) => onProgress(doneBytes, totalBytes) }),
      ...(signal === undefined ? {} : { signal }),
    });
    await this.close();
    this.#open = { mark, bundle };
    return bundle;
  }

  /** The bundle that an operation was planned with. */
  async open(reference: BundleReference, options: OpenOptions = {}): Promise<VerifiedBundle> {
    const bundle = await this.openPath(reference.path, options);
    if (bundleId(bundle) === reference.id) return bundle;
    throw new OnsteadError(
      'bundle.changed',
      `The file ${reference.path} is another bundle than the one that was planned with.`,
      { next: 'Put the bundle back, or start again with the new one.' },
    );
  }

  async close(): Promise<void> {
    const { bundle } = this.#open ?? {};
    this.#open = undefined;
    await bundle?.close();
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

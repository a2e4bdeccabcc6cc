// The local engine as a place that release images come from, for building bundles.

import type { Readable } from 'node:stream';
import { OnsteadError } from '../base/errors.ts';
import type { Engine } from './engine.ts';

export interface SourceImage {
  readonly id: string;
  readonly repoDigests: readonly string[];
  readonly diffIds: readonly string[];
  readonly architecture: string;
  readonly os: string;
  readonly sizeBytes: number;
}

export interface EngineImageSource {
  resolve(ref: string): Promise<SourceImage>;
  /** A `docker save` archive of all of them. */
  export(refs: readonly string[]): Promise<Readable>;
}

export function engineImageSource(engine: Engine): EngineImageSource {
  return {
    async resolve(ref) {
      const image = await engine.images.inspect(ref);
      if (image === undefined) {
        throw new OnsteadError('engine.not-found', `Image "${ref}" is not in the local Docker Engine.`, {
          next: `Pull or build it ("docker pull ${ref}"), then try again.`,
        });
      }
      const { id, repoDigests, diffIds, architecture, os, sizeBytes } = image;
      return { id, repoDigests, diffIds, architecture, os, sizeBytes };
    },
    export: (refs) => engine.images.save(refs),
  };
}

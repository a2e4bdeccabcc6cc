// The local engine as a place that release images come from, for building bundles.

import { OnsteadError } from '../base/errors.ts';
import type { ImageSource } from '../base/image-source.ts';
import type { Engine } from './engine.ts';

export function engineImageSource(engine: Engine): ImageSource {
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

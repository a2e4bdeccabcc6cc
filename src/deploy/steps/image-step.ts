// Images into the engine's store, each compared afterwards with what the signed index says it is.

import { OnsteadError } from '../../base/errors.ts';
import { formatBytes } from '../../base/units.ts';
import type { Engine, ImageFacts } from '../../engine/index.ts';
import type { BundleImage } from '../../release/index.ts';
import type { Executor } from '../../journal/index.ts';
import type { ImagePin, InstallSteps } from '../install-plan.ts';
import type { DeployTools } from '../tools.ts';

export function loadImagesStep(tools: DeployTools): Executor<InstallSteps['load-images']> {
  return {
    async holds({ images }) {
      const engine = await tools.engine();
      return (await missingImages(engine, images)).length === 0;
    },
    async apply({ bundle: reference, images }, context) {
      const engine = await tools.engine();
      const missing = await missingImages(engine, images);
      const names = new Map(missing.map(({ tag, configDigest }) => [configDigest, tag]));
      const nameOf = ({ configDigest }: BundleImage): string => names.get(configDigest)!;
      const loaded = await tools.bundles.use(reference, { signal: context.signal }, async (bundle) => {
        const chosen = bundle.index.images.filter(({ configDigest }) => names.has(configDigest));
        const total = bundle.imageArchiveBytes(chosen, { nameOf });
        await engine.images.load(bundle.imageArchive(chosen, { nameOf }), {
          signal: context.signal,
          onProgress: ({ sentBytes }) => context.progress({ done: sentBytes, total, unit: 'bytes' }),
        });
        return `${chosen.length} images, ${formatBytes(total)} unpacked`;
      });
      // Some engines answer a failed load with success, so only what stands in the store counts.
      const [stillMissing] = await missingImages(engine, images);
      if (stillMissing !== undefined) throw notLoaded(stillMissing);
      return loaded;
    },
    async undo({ missing }) {
      const engine = await tools.engine();
      for (const tag of missing) await engine.images.remove(tag);
    },
  };
}

async function missingImages(engine: Engine, images: readonly ImagePin[]): Promise<ImagePin[]> {
  const { containerdStore } = await engine.info();
  const missing: ImagePin[] = [];
  for (const pin of images) {
    const facts = await engine.images.inspect(pin.tag);
    if (facts === undefined || !isSame(facts, pin, containerdStore)) missing.push(pin);
  }
  return missing;
}

function isSame(facts: ImageFacts, pin: ImagePin, containerdStore: boolean): boolean {
  // A containerd store names an image by the manifest it wrote itself; its layers' contents decide there.
  if (!containerdStore && facts.id !== pin.configDigest) return false;
  return (
    facts.diffIds.length === pin.diffIds.length && facts.diffIds.every((id, at) => id === pin.diffIds[at])
  );
}

function notLoaded({ service, tag }: ImagePin): OnsteadError {
  return new OnsteadError(
    'engine.not-loaded',
    `The image of "${service}" (${tag}) is not in the engine's store after loading.`,
    {
      next: "Look at the engine's log (`journalctl -u docker`) and the free space in its folder, then try again.",
    },
  );
}

// Images into the engine's store, each compared afterwards with what the signed index says it is.

import { OnsteadError } from '../../base/errors.ts';
import { formatBytes } from '../../base/units.ts';
import type { Engine, ImageFacts } from '../../engine/index.ts';
import type { BundleImage, VerifiedBundle } from '../../release/index.ts';
import type { Executor, StepContext } from '../../journal/index.ts';
import type { ImagePin, InstallSteps } from '../install-plan.ts';
import { loadInTurns, type TurnImage } from '../load-turns.ts';
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
      const loaded = await tools.bundles.use(reference, { signal: context.signal }, (bundle) =>
        loadFrom(bundle, engine, missing, context),
      );
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

async function loadFrom(
  bundle: VerifiedBundle,
  engine: Engine,
  missing: readonly ImagePin[],
  context: StepContext,
): Promise<string> {
  const names = new Map(missing.map(({ tag, configDigest }) => [configDigest, tag]));
  const nameOf = ({ configDigest }: BundleImage): string => names.get(configDigest)!;
  const chosen = bundle.index.images.filter(({ configDigest }) => names.has(configDigest));
  const totalBytes = bundle.imageArchiveBytes(chosen, { nameOf });
  const onBytes = tellBytes(totalBytes, context);
  const load = async (
    some: readonly BundleImage[],
    omitLayers: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<void> => {
    let sent = 0;
    await engine.images.load(bundle.imageArchive(some, { nameOf, omitLayers }), {
      signal,
      onProgress: ({ sentBytes }) => {
        onBytes(sentBytes - sent);
        sent = sentBytes;
      },
    });
  };
  // A containerd store keeps no chains of layers: an archive has to hold every one.
  const { containerdStore } = await engine.info();
  if (containerdStore) await load(chosen, new Set(), context.signal);
  else await loadInTurns(chosen.map(turnOf), context.signal, ({ image }, ...rest) => load([image], ...rest));
  return `${chosen.length} images, ${formatBytes(totalBytes)} unpacked`;
}

function turnOf(image: BundleImage): TurnImage & { readonly image: BundleImage } {
  const { layers } = image;
  return {
    image,
    diffIds: layers.map(({ diffId }) => diffId),
    unpackedBytes: layers.reduce((sum, layer) => sum + layer.unpackedBytes, 0),
  };
}

/** Every hundredth is told: thousands of chunks would be thousands of lines to whoever follows. */
function tellBytes(total: number, context: StepContext): (count: number) => void {
  let done = 0;
  let told = 0;
  return (count) => {
    done += count;
    if (done - told < total / 100 && done < total) return;
    told = done;
    context.progress({ done: Math.min(done, total), total, unit: 'bytes' });
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

// Images into the engine's store, each compared afterwards with what the signed index says it is.

import { isOnsteadError, OnsteadError } from '../../base/errors.ts';
import { formatBytes } from '../../base/units.ts';
import type { Engine, ImageFacts } from '../../engine/index.ts';
import {
  omittableLayers,
  type BundleImage,
  type ImageArchiveOptions,
  type VerifiedBundle,
} from '../../release/index.ts';
import type { Executor, StepContext } from '../../journal/index.ts';
import { removeUnusedImages } from '../images-in-use.ts';
import type { ImagePin, InstallSteps } from '../install-plan.ts';
import { refuseLacking, withBorrowedLayers } from '../delta-base.ts';
import { loadInTurns, omittable, type LoadOne, type TurnImage } from '../load-turns.ts';
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
        loadFrom(tools, bundle, missing, context),
      );
      // Some engines answer a failed load with success, so only what stands in the store counts.
      const [stillMissing] = await missingImages(engine, images);
      if (stillMissing !== undefined) throw notLoaded(stillMissing);
      return loaded;
    },
    async undo({ missing }, { operation }) {
      await removeUnusedImages(tools, operation, missing);
    },
  };
}

async function loadFrom(
  tools: DeployTools,
  bundle: VerifiedBundle,
  missing: readonly ImagePin[],
  context: StepContext,
): Promise<string> {
  const engine = await tools.engine();
  const names = new Map(missing.map(({ tag, configDigest }) => [configDigest, tag]));
  const nameOf = ({ configDigest }: BundleImage): string => names.get(configDigest)!;
  const chosen = bundle.index.images.filter(({ configDigest }) => names.has(configDigest));
  // Since it was planned somebody may have pruned what a delta builds on. Nothing has been sent yet.
  const there = await engine.images.layerChains();
  refuseLacking(bundle, chosen, there);
  // A containerd store keeps no chains of layers: an archive has to hold every one.
  const { containerdStore } = await engine.info();
  const known = containerdStore ? [] : there;
  const turns = chosen.map(turnOf);
  const omitLayers = omittableLayers(
    turns.map(({ diffIds }) => diffIds),
    known,
  );
  const totalBytes = bundle.imageArchiveBytes(chosen, { nameOf, omitLayers });
  const onBytes = tellBytes(totalBytes, context);
  const send: Send = async (some, options, signal) => {
    let sent = 0;
    await engine.images.load(bundle.imageArchive(some, { nameOf, ...options }), {
      signal,
      onProgress: ({ sentBytes }) => {
        onBytes(sentBytes - sent);
        sent = sentBytes;
      },
    });
  };
  const { signal } = context;
  if (containerdStore) {
    await withBorrowedLayers(tools, engine, bundle, chosen, signal, (layerFiles) =>
      send(chosen, { layerFiles }, signal),
    );
  } else {
    const sendOne: LoadOne<Turn> = (turn, ...rest) => sendAgainIfPruned(bundle, engine, send, turn, ...rest);
    await loadInTurns(turns, signal, sendOne, known);
  }
  return `${chosen.length} images, ${formatBytes(totalBytes)} unpacked`;
}

type Send = (
  images: readonly BundleImage[],
  options: Pick<ImageArchiveOptions, 'omitLayers' | 'layerFiles'>,
  signal: AbortSignal,
) => Promise<void>;

/** What the engine had a moment ago may be gone as the archive arrives; that fails as a whole and loads nothing. */
async function sendAgainIfPruned(
  bundle: VerifiedBundle,
  engine: Engine,
  send: Send,
  turn: Turn,
  omitLayers: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await send([turn.image], { omitLayers }, signal);
  } catch (error) {
    if (omitLayers.size === 0 || !isOnsteadError(error, 'engine.load-failed')) throw error;
    const there = await engine.images.layerChains();
    refuseLacking(bundle, [turn.image], there);
    await send([turn.image], { omitLayers: omittable(turn, there) }, signal);
  }
}

interface Turn extends TurnImage {
  readonly image: BundleImage;
}

function turnOf(image: BundleImage): Turn {
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

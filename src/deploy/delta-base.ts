// Whether this machine has what a delta left out, asked when an operation is planned and again before images are sent;
// and how a store gets it that takes no archive without it.

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../engine/index.ts';
import {
  baseMissing,
  borrowLayers,
  isDelta,
  lackingImages,
  type BundleImage,
  type Chain,
  type VerifiedBundle,
} from '../release/index.ts';
import type { DeployTools } from './tools.ts';

export async function refuseMissingBase(tools: DeployTools, bundle: VerifiedBundle): Promise<void> {
  if (!isDelta(bundle.index)) return;
  const engine = await tools.engine();
  refuseLacking(bundle, bundle.index.images, await engine.images.layerChains());
}

export function refuseLacking(
  { index }: VerifiedBundle,
  images: readonly BundleImage[],
  there: readonly Chain[],
): void {
  const { omits } = index;
  const lacking = lackingImages({ images: [...images], omits }, there);
  if (lacking.length > 0) throw baseMissing(index, lacking);
}

/**
 * A containerd store keeps no chains to build on. The engine itself gives the layers back: they are spooled from its
 * images, and the archive that is sent holds every one.
 */
export async function withBorrowedLayers<T>(
  { paths }: DeployTools,
  engine: Engine,
  { index }: VerifiedBundle,
  images: readonly BundleImage[],
  signal: AbortSignal,
  work: (layerFiles: ReadonlyMap<string, string>) => Promise<T>,
): Promise<T> {
  const omitted = new Set(index.omits);
  const layers = images.flatMap((image) => image.layers).filter(({ digest }) => omitted.has(digest));
  const wanted = new Set(layers.map(({ diffId }) => diffId));
  if (wanted.size === 0) return work(new Map());
  const folder = join(paths.state, 'layers');
  await rm(folder, { recursive: true, force: true }); // of a run that was killed
  try {
    await mkdir(folder, { recursive: true });
    const archive = await engine.images.save(await holders(engine, wanted), { signal });
    return await work(await borrowLayers({ archive, wanted, folder, signal }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Few images that have all of these layers between them. */
async function holders(engine: Engine, wanted: ReadonlySet<string>): Promise<string[]> {
  const left = new Set(wanted);
  const chosen: string[] = [];
  for (const id of new Set((await engine.images.list()).map((image) => image.id))) {
    const found = (await engine.images.inspect(id))?.diffIds.filter((diffId) => left.delete(diffId)) ?? [];
    if (found.length > 0) chosen.push(id);
  }
  return chosen;
}

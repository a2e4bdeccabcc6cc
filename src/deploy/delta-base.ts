// Whether this machine has what a delta left out. Asked when an operation is planned, and again before images are sent.

import {
  baseMissing,
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

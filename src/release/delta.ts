// What a delta may leave out, and what a machine lacks of what it left out. Pure. An engine finds a layer by the chain
// below it, so a layer is there only as a part of an unbroken start from the bottom of an image that is there.

import { OnsteadError } from '../base/errors.ts';
import { formatBytes } from '../base/units.ts';
import type { BundleImage, BundleIndex, BundleLayer } from './bundle-index.ts';

/** Layers of one image by diffId, from the bottom up. */
export type Chain = readonly string[];

export function chainOf({ layers }: Pick<BundleImage, 'layers'>): Chain {
  return layers.map(({ diffId }) => diffId);
}

/** How many layers of the chain, from the bottom on, stand in the same order in one of the others. */
export function knownLayers(chain: Chain, others: readonly Chain[]): number {
  return others.reduce((most, other) => Math.max(most, commonStart(chain, other)), 0);
}

export function commonStart(left: Chain, right: Chain): number {
  const end = left.findIndex((diffId, at) => diffId !== right[at]);
  return end === -1 ? left.length : end;
}

/** Layers of the images that a machine with these chains does not need as a file, wherever they stand. */
export function omittableLayers(images: readonly Chain[], there: readonly Chain[]): Set<string> {
  const known = new Set<string>();
  const needed = new Set<string>();
  for (const chain of images) {
    const end = knownLayers(chain, there);
    for (const [at, diffId] of chain.entries()) (at < end ? known : needed).add(diffId);
  }
  return new Set([...known].filter((diffId) => !needed.has(diffId)));
}

/** Digests of the layer blobs that a machine with any one of the bases can do without, in the order of the images. */
export function omitsFor(
  images: readonly BundleImage[],
  bases: readonly (readonly Chain[])[],
): readonly string[] {
  if (bases.length === 0) return [];
  const chains = images.map(chainOf);
  const omittable = bases.map((there) => omittableLayers(chains, there));
  const omitted = images
    .flatMap(({ layers }) => layers)
    .filter(({ diffId }) => omittable.every((one) => one.has(diffId)));
  return [...new Set(omitted.map(({ digest }) => digest))];
}

export interface LackingImage {
  readonly reference: string;
  readonly services: readonly string[];
  readonly layerCount: number;
  readonly missing: readonly BundleLayer[];
}

/** Images of which the delta left out layers that a machine with these chains does not have. */
export function lackingImages(
  { images, omits }: Pick<BundleIndex, 'images' | 'omits'>,
  there: readonly Chain[],
): readonly LackingImage[] {
  const omitted = new Set(omits);
  return images.flatMap((image): LackingImage[] => {
    const { reference, services, layers } = image;
    const end = knownLayers(chainOf(image), there);
    const missing = layers.filter(({ digest }, at) => at >= end && omitted.has(digest));
    return missing.length === 0 ? [] : [{ reference, services, layerCount: layers.length, missing }];
  });
}

export function isDelta({ from }: Pick<BundleIndex, 'from'>): boolean {
  return from.length > 0;
}

export function baseMissing(
  { title, version, from }: Pick<BundleIndex, 'title' | 'version' | 'from'>,
  lacking: readonly LackingImage[],
): OnsteadError {
  const parts = lacking.map(({ services, layerCount, missing }) => {
    const bytes = missing.reduce((sum, layer) => sum + layer.sizeBytes, 0);
    return `${missing.length} of ${layerCount} of ${services.join(', ')} (${formatBytes(bytes)})`;
  });
  return new OnsteadError(
    'bundle.base-missing',
    `This delta of ${title} ${version} builds on ${from.join(' or ')}, and layers that it leaves out are not on this machine: ${parts.join('; ')}.`,
    {
      next: `Ask the vendor for the full bundle of ${version}, or send what \`onstead fingerprint\` prints and get one cut for this machine.`,
      details: lacking.flatMap(({ reference, services, missing }) =>
        missing.map(({ diffId, digest, sizeBytes }) => ({
          message: `${services.join(', ')}: ${diffId}`,
          reference,
          diffId,
          digest,
          sizeBytes,
        })),
      ),
    },
  );
}

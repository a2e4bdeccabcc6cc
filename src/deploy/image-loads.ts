// What of a bundle's images a machine has still to load, by what its engine has. Pure.

import { omittableLayers, type BundleImage, type Chain } from '../release/index.ts';

export interface ImageLoad {
  readonly services: readonly string[];
  readonly repository: string;
  /** Unpacked, all of it. */
  readonly bytes: number;
  /** Unpacked, what the engine does not have; a layer that several images share counts for the first of them. */
  readonly loadBytes: number;
}

/** `isThere`: the engine has this image whole. `there`: chains it can build on; none on a containerd store. */
export function imageLoads(
  images: readonly BundleImage[],
  isThere: (image: BundleImage) => boolean,
  there: readonly Chain[],
): ImageLoad[] {
  const missing = images.filter((image) => !isThere(image));
  // A layer that stands on a known chain in one image and elsewhere in another is sent after all.
  const omitted = omittableLayers(missing.map(chainOf), there);
  const counted = new Set<string>();
  const isSent = (diffId: string): boolean => {
    if (omitted.has(diffId) || counted.has(diffId)) return false;
    counted.add(diffId);
    return true;
  };
  return images.map((image) => ({
    services: image.services,
    repository: image.repository,
    bytes: sum(image.layers),
    loadBytes: missing.includes(image) ? sum(image.layers.filter(({ diffId }) => isSent(diffId))) : 0,
  }));
}

/** Layers that a delta left out and that have to be taken out of the engine's own images, unpacked. */
export function borrowedBytes(
  images: readonly BundleImage[],
  omits: readonly string[],
  isThere: (image: BundleImage) => boolean,
): number {
  const layers = images.filter((image) => !isThere(image)).flatMap((image) => image.layers);
  const borrowed = new Map(layers.map((layer) => [layer.digest, layer]));
  return sum([...borrowed.values()].filter(({ digest }) => omits.includes(digest)));
}

function chainOf({ layers }: BundleImage): Chain {
  return layers.map(({ diffId }) => diffId);
}

function sum(layers: readonly { readonly unpackedBytes: number }[]): number {
  return layers.reduce((bytes, layer) => bytes + layer.unpackedBytes, 0);
}

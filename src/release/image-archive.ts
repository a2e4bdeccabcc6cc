// Images of a verified bundle as a `docker load` stream: layers inflated here, since that is quicker than the engine
// is, each held against its signed size and digest as it passes. The list of images comes last, so that a stream that
// breaks off loads nothing.

import { Readable } from 'node:stream';
import { OnsteadError } from '../base/errors.ts';
import { blobPath } from './bundle-index.ts';
import type { BundleImage, BundleLayer } from './bundle-index.ts';
import type { BundleReader, Range } from './bundle-reader.ts';
import { paddingOf, TAR_END, tarHeader } from './tar.ts';
import { checkedChunks, checkedLayer, inflated } from './unpack.ts';

export interface ArchiveInput {
  readonly reader: BundleReader;
  readonly ranges: ReadonlyMap<string, Range>;
  readonly images: readonly BundleImage[];
  /** diffIDs that the engine has already; a classic image store loads without them. */
  readonly omitLayers: ReadonlySet<string>;
  readonly nameOf: NameImage;
  /** By diffID: files with plain layers that the bundle does not hold. */
  readonly layerFiles: ReadonlyMap<string, string>;
}

/** The name that the engine gives an image as it loads. */
export type NameImage = (image: BundleImage) => string;

export function imageArchive(input: ArchiveInput): Readable {
  const layers = layersOf(input);
  for (const layer of layers) {
    if (input.ranges.has(blobPath(layer.digest)) || input.layerFiles.has(layer.diffId)) continue;
    throw new OnsteadError('bundle.incomplete', `The bundle lacks the layer ${layer.digest}.`, {
      next: 'Use the full bundle of this release.',
    });
  }
  return Readable.from(archive(input, layers), { objectMode: false, highWaterMark: 256 * 1024 });
}

/** How many bytes `imageArchive` will give. */
export function imageArchiveBytes(input: Pick<ArchiveInput, 'images' | 'omitLayers' | 'nameOf'>): number {
  const sizes = [
    ...configsOf(input.images).map((image) => image.configBytes),
    ...layersOf(input).map((layer) => layer.unpackedBytes),
    Buffer.byteLength(manifestOf(input.images, input.nameOf)),
  ];
  return sizes.reduce((sum, size) => sum + 512 + size + paddingOf(size), TAR_END.length);
}

function layersOf({ images, omitLayers }: Pick<ArchiveInput, 'images' | 'omitLayers'>): BundleLayer[] {
  const layers = new Map(images.flatMap((image) => image.layers).map((layer) => [layer.diffId, layer]));
  return [...layers.values()].filter((layer) => !omitLayers.has(layer.diffId));
}

function configsOf(images: readonly BundleImage[]): BundleImage[] {
  return [...new Map(images.map((image) => [image.configDigest, image])).values()];
}

async function* archive(
  { reader, ranges, images, nameOf, layerFiles }: ArchiveInput,
  layers: readonly BundleLayer[],
): AsyncGenerator<Buffer> {
  const blob = (digest: string): AsyncGenerator<Buffer> =>
    checkedChunks(reader, ranges.get(blobPath(digest))!, digest.replace('sha256:', ''));
  for (const image of configsOf(images)) {
    yield* file(configName(image), image.configBytes, blob(image.configDigest));
  }
  const plain = (layer: BundleLayer): AsyncGenerator<Buffer> =>
    ranges.has(blobPath(layer.digest))
      ? inflated(blob(layer.digest), layer)
      : checkedLayer(layerFiles.get(layer.diffId)!, layer.diffId);
  for (const layer of layers) yield* file(layerName(layer), layer.unpackedBytes, plain(layer));
  const manifest = Buffer.from(manifestOf(images, nameOf));
  yield* file('manifest.json', manifest.length, [manifest]);
  yield TAR_END;
}

async function* file(
  name: string,
  sizeBytes: number,
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
): AsyncGenerator<Buffer> {
  yield tarHeader(name, sizeBytes);
  yield* chunks;
  const padding = paddingOf(sizeBytes);
  if (padding > 0) yield Buffer.alloc(padding);
}

function configName(image: BundleImage): string {
  return `${image.configDigest.replace('sha256:', '')}.json`;
}

function layerName(layer: BundleLayer): string {
  return `${layer.diffId.replace('sha256:', '')}/layer.tar`;
}

function manifestOf(images: readonly BundleImage[], nameOf: NameImage): string {
  return JSON.stringify(
    images.map((image) => ({
      Config: configName(image),
      RepoTags: [nameOf(image)],
      Layers: image.layers.map(layerName),
    })),
  );
}

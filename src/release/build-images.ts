// The images of a release, resolved to exact ones and taken into the blob store: from an earlier build's cache where
// they are known, from the engine in one go where they are not.

import { dirname } from 'node:path';
import { OnsteadError } from '../base/errors.ts';
import type { BlobStore } from './blob-store.ts';
import type { Work } from './build-work.ts';
import type { BundleImage } from './bundle-index.ts';
import { requireSpace } from './disk-space.ts';
import { contentTag, parseReference, pinnedReference } from './image-reference.ts';
import type { SourceImage } from '../base/image-source.ts';
import type { Release, ReleaseService } from './release.ts';
import { takeImages } from './saved-images.ts';
import type { StoredImage } from './saved-images.ts';

/** One row for each image; which services use it stands in the row. */
export async function takeReleaseImages(work: Work, release: Release): Promise<BundleImage[]> {
  const sources = await resolveImages(work, release);
  return bundleImages(release, sources, await storedImages(work, [...sources.values()]));
}

async function resolveImages({ input, arch }: Work, release: Release): Promise<Map<string, SourceImage>> {
  const sources = new Map<string, SourceImage>();
  const unknown = Object.keys(input.imageOverrides ?? {}).find(
    (name) => !release.services.some((one) => one.name === name),
  );
  if (unknown !== undefined) {
    throw new OnsteadError(
      'bundle.override',
      `An image is given for "${unknown}", but the release has no such service.`,
      {
        next: `Services are: ${release.services.map((one) => one.name).join(', ')}.`,
      },
    );
  }
  for (const { name, image } of release.services) {
    const reference = input.imageOverrides?.[name] ?? image;
    const source = await input.imageSource.resolve(reference);
    if (source.os !== 'linux' || source.architecture !== arch) {
      throw new OnsteadError(
        'bundle.arch',
        `The image ${reference} is for ${source.os}/${source.architecture}, the bundle is for linux/${arch}.`,
        { next: `Give an image for linux/${arch}.` },
      );
    }
    checkDigest(image, source, reference);
    sources.set(name, source);
  }
  return sources;
}

async function storedImages(work: Work, sources: readonly SourceImage[]): Promise<Map<string, StoredImage>> {
  const { store, input } = work;
  const stored = new Map<string, StoredImage>();
  const missing = new Map<string, SourceImage>();
  for (const source of sources) {
    const known = await knownImage(store, source.id);
    if (known === undefined) missing.set(source.id, source);
    else stored.set(source.id, known);
  }
  if (missing.size === 0) return stored;
  const totalBytes = [...missing.values()].reduce((sum, one) => sum + one.sizeBytes, 0);
  await requireSpace(dirname(work.staging), totalBytes);
  const archive = await input.imageSource.export([...missing.keys()]);
  let doneBytes = 0;
  const taken = await takeImages({
    archive,
    wanted: [...missing.values()],
    store,
    staging: work.staging,
    onBytes: (count) => {
      doneBytes += count;
      input.onProgress?.({ phase: 'export', doneBytes, totalBytes: Math.max(doneBytes, totalBytes) });
    },
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  });
  for (const [id, image] of taken) {
    await store.writeImage(id, image);
    stored.set(id, image);
  }
  return stored;
}

async function knownImage(store: BlobStore, id: string): Promise<StoredImage | undefined> {
  const image = await store.readImage<StoredImage>(id);
  if (image === undefined) return undefined;
  const blobs: [string, number][] = [
    [image.manifestDigest, image.manifestBytes],
    [image.configDigest, image.configBytes],
    ...image.layers.map(({ digest, sizeBytes }): [string, number] => [digest, sizeBytes]),
  ];
  for (const [digest, sizeBytes] of blobs) if (!(await store.hasBlob(digest, sizeBytes))) return undefined;
  for (const { diffId } of image.layers) if ((await store.facts(diffId)) === undefined) return undefined;
  return image;
}

/** Services that use the same image of the same repository share one row. */
function bundleImages(
  release: Release,
  sources: ReadonlyMap<string, SourceImage>,
  stored: ReadonlyMap<string, StoredImage>,
): BundleImage[] {
  const images = new Map<string, BundleImage>();
  for (const service of release.services) {
    const source = sources.get(service.name)!;
    const { arch: _, ...image } = stored.get(source.id)!;
    const reference = parseReference(service.image);
    const tag = contentTag(reference.repository, image.manifestDigest);
    const registryDigest = reference.digest ?? registryDigestOf(source, reference.repository);
    const services = [...(images.get(tag)?.services ?? []), service.name];
    images.set(tag, {
      reference: service.image,
      repository: reference.repository,
      contentTag: tag,
      ...image,
      layers: [...image.layers],
      ...(registryDigest === undefined ? {} : { registryDigest }),
      ...images.get(tag),
      services,
    });
  }
  return [...images.values()];
}

/** The vendor's digest is a promise about content, wherever the image is taken from. */
function checkDigest(image: string, { id, repoDigests }: SourceImage, from: string): void {
  const { digest } = parseReference(image);
  if (digest === undefined || id === digest || repoDigests.some((one) => one.endsWith(`@${digest}`))) return;
  throw new OnsteadError('bundle.digest', `The image ${from} does not have the digest of ${image}.`, {
    next: 'Give the image with that digest, or correct the digest in the release.',
  });
}

function registryDigestOf(source: SourceImage, repository: string): string | undefined {
  return source.repoDigests.find((one) => one.startsWith(`${repository}@`))?.split('@')[1];
}

export function pins(release: Release, images: readonly BundleImage[]): Map<string, string> {
  const imageOf = (service: ReleaseService): BundleImage =>
    images.find((one) => one.services.includes(service.name))!;
  return new Map(
    release.services.map((service) => [
      service.name,
      pinnedReference(parseReference(service.image), imageOf(service).manifestDigest),
    ]),
  );
}

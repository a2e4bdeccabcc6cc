// Whether the small files inside a verified bundle say the same as the signed index: the release, and the image
// formats beside each other. All of it is signed already; this stops a bundle that was built wrong, or to mislead.

import { isOnsteadError, OnsteadError } from '../base/errors.ts';
import { badIndex, blobPath } from './bundle-index.ts';
import type { BundleImage, BundleIndex } from './bundle-index.ts';
import { contentTag, readReference } from './image-reference.ts';
import { bundleManifest, OCI_LAYOUT, ociIndex, readConfig, readManifest } from './oci.ts';
import { parseRelease } from './parse.ts';
import type { Release } from './release.ts';

type Texts = ReadonlyMap<string, string>;

export const COMPOSE = 'release/compose.yaml';

/** The files whose content is read when verifying; all others are only hashed. */
export function isLookedInto(index: BundleIndex): (path: string) => boolean {
  const paths = new Set([COMPOSE, 'release/notes.md', 'oci-layout', 'index.json', 'manifest.json']);
  for (const image of index.images)
    paths.add(blobPath(image.manifestDigest)).add(blobPath(image.configDigest));
  return (path) => paths.has(path);
}

export function checkContents(index: BundleIndex, texts: Texts): Release {
  for (const image of index.images) checkImage(index, image, texts);
  checkFormats(index, texts);
  const release = readRelease(texts.get(COMPOSE)!);
  checkRelease(index, release, texts);
  return release;
}

function checkImage(index: BundleIndex, image: BundleImage, texts: Texts): void {
  const manifest = readManifest(texts.get(blobPath(image.manifestDigest))!);
  const config = readConfig(texts.get(blobPath(image.configDigest))!);
  const names = image.reference;
  if (manifest === undefined || config === undefined)
    throw badIndex(`the image ${names} has no manifest or configuration`);
  const layers = image.layers.map((layer) => layer.digest).join();
  if (manifest.configDigest !== image.configDigest || manifest.layerDigests.join() !== layers) {
    throw badIndex(`the manifest of ${names} names other parts`);
  }
  if (config.diffIds.join() !== image.layers.map((layer) => layer.diffId).join()) {
    throw badIndex(`the configuration of ${names} names other layers`);
  }
  if (config.arch !== index.arch || config.os !== index.os) {
    throw new OnsteadError(
      'bundle.arch',
      `The image ${names} is for ${config.os}/${config.arch}, the bundle for ${index.os}/${index.arch}.`,
      {
        next: 'Ask the vendor for a bundle that is built anew.',
      },
    );
  }
  if (image.contentTag !== contentTag(image.repository, image.manifestDigest))
    throw badIndex(`${names} has another tag`);
}

function checkFormats({ images, arch }: BundleIndex, texts: Texts): void {
  const mediaTypeOf = (image: BundleImage): string =>
    readManifest(texts.get(blobPath(image.manifestDigest))!)!.mediaType;
  const expected: [string, string][] = [
    ['oci-layout', OCI_LAYOUT],
    ['index.json', ociIndex(images, arch, mediaTypeOf)],
    ['manifest.json', bundleManifest(images)],
  ];
  for (const [path, text] of expected) {
    if (texts.get(path) !== text) throw badIndex(`"${path}" says something else`);
  }
}

export function readRelease(text: string): Release {
  try {
    return parseRelease(text, COMPOSE);
  } catch (error) {
    if (!isOnsteadError(error)) throw error;
    throw new OnsteadError(
      'bundle.release',
      `The release inside the bundle cannot be used: ${error.message}`,
      {
        next: 'Upgrade Onstead first, or ask the vendor for a bundle that is built anew.',
        details: error.details,
        cause: error,
      },
    );
  }
}

function checkRelease(index: BundleIndex, release: Release, texts: Texts): void {
  if (
    release.product !== index.product ||
    release.version !== index.version ||
    release.title !== index.title
  ) {
    throw badIndex('the release is another one');
  }
  if (texts.get('release/notes.md') !== release.notes) throw badIndex('the release notes differ');
  const named = index.images.flatMap((image) => image.services);
  if (named.length !== release.services.length) throw badIndex('images and services do not match');
  for (const service of release.services) {
    const image = index.images.find((one) => one.services.includes(service.name));
    const pinned = readReference(service.image);
    if (
      image === undefined ||
      pinned?.digest !== image.manifestDigest ||
      pinned.repository !== image.repository
    ) {
      throw badIndex(`the image of the service "${service.name}" is not in the bundle`);
    }
  }
}

// The files of a bundle besides its front: the release, image formats and blobs, Onstead itself, the list of software.

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError } from '../base/errors.ts';
import type { BlobStore } from './blob-store.ts';
import type { BuildInput, Work } from './build-work.ts';
import { blobPath } from './bundle-index.ts';
import type { BundleImage, BundleIndex, BundleLayer, FileKind } from './bundle-index.ts';
import { partOf } from './bundle-file.ts';
import type { Part } from './bundle-file.ts';
import { omitsFor } from './delta.ts';
import { archiveFolder } from './folder-archive.ts';
import { mergeFacts } from './layer-facts.ts';
import { bundleManifest, OCI_LAYOUT, ociIndex, readManifest } from './oci.ts';
import type { Release } from './release.ts';
import { sbomOf } from './sbom.ts';

export type Content = [kind: FileKind, part: Part, unpackedBytes?: number];

/** In the order in which they stand in the bundle. */
export async function contentsOf(
  work: Work,
  release: Release,
  composeText: string,
  images: readonly BundleImage[],
  daemon: Daemon | undefined,
  leftOut: LeftOut,
): Promise<Content[]> {
  const notes: Content[] =
    release.notes === undefined ? [] : [['notes', partOf('release/notes.md', release.notes)]];
  return [
    ['release', partOf('release/compose.yaml', composeText)],
    ...notes,
    ...(await ociParts(work, images)),
    ...imageParts(work.store, images, new Set(leftOut.omits)),
    ...daemonParts(work.store, leftOut.program === undefined ? daemon : undefined),
    ...(await installerParts(work.input)),
    ['sbom', partOf('sbom.cdx.json', await sbomText(work, release, images, daemon))],
  ];
}

/** Of a delta; a full bundle leaves out nothing. */
export type LeftOut = Pick<BundleIndex, 'from' | 'omits' | 'program'>;

/** Where nothing can be left out, a delta is a full bundle, and builds on nothing. */
export function leftOutOf(
  { input: { bases = [] } }: Work,
  images: readonly BundleImage[],
  daemon: Daemon | undefined,
): LeftOut {
  const omits = omitsFor(
    images,
    bases.map(({ chains }) => chains),
  );
  const isProgramThere =
    daemon !== undefined && bases.length > 0 && bases.every(({ program }) => program === daemon.layer.digest);
  if (omits.length === 0 && !isProgramThere) return { from: [], omits: [] };
  return {
    from: [...new Set(bases.map(({ version }) => version))],
    omits: [...omits],
    ...(isProgramThere ? { program: partOfDaemon(daemon) } : {}),
  };
}

function partOfDaemon({ layer: { digest, sizeBytes, unpackedBytes } }: Daemon) {
  return { digest, sizeBytes, unpackedBytes };
}

export interface Daemon {
  readonly version: string;
  readonly layer: BundleLayer;
}

export async function takeDaemon({ input, staging, store }: Work): Promise<Daemon | undefined> {
  const folder = input.daemonFolder;
  if (folder === undefined) return undefined;
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch((cause: unknown) => {
    throw new OnsteadError(
      'bundle.daemon',
      `The folder ${folder} holds no package.json, so it is no Onstead.`,
      {
        next: 'Give the folder that the build of Onstead wrote.',
        cause,
      },
    );
  });
  const { version } = JSON.parse(text) as { version: string };
  const plain = join(staging, 'daemon.tar');
  const { diffId, unpackedBytes } = await archiveFolder(folder, plain, input.signal);
  const layer = await store.takeLayer(plain, diffId, unpackedBytes, input.signal);
  await rm(plain);
  return { version, layer };
}

async function ociParts({ store, arch }: Work, images: readonly BundleImage[]): Promise<Content[]> {
  const types = new Map<string, string>();
  for (const { manifestDigest } of images) {
    types.set(manifestDigest, readManifest((await store.readBlob(manifestDigest)).toString())!.mediaType);
  }
  const mediaTypeOf = (image: BundleImage): string => types.get(image.manifestDigest)!;
  return [
    ['oci', partOf('oci-layout', OCI_LAYOUT)],
    ['oci', partOf('index.json', ociIndex(images, arch, mediaTypeOf))],
    ['oci', partOf('manifest.json', bundleManifest(images))],
  ];
}

function imageParts(store: BlobStore, images: readonly BundleImage[], omits: ReadonlySet<string>): Content[] {
  const blobs = new Map<string, number>();
  for (const image of images) {
    blobs.set(image.manifestDigest, image.manifestBytes);
    blobs.set(image.configDigest, image.configBytes);
    for (const layer of image.layers) blobs.set(layer.digest, layer.sizeBytes);
  }
  return [...blobs]
    .filter(([digest]) => !omits.has(digest))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([digest, sizeBytes]) => ['blob', storedPart(store, blobPath(digest), digest, sizeBytes)]);
}

function storedPart(store: BlobStore, path: string, digest: string, sizeBytes: number): Part {
  return {
    path,
    sizeBytes,
    sha256: digest.replace('sha256:', ''),
    content: { file: store.blobPath(digest) },
  };
}

function daemonParts(store: BlobStore, daemon: Daemon | undefined): Content[] {
  if (daemon === undefined) return [];
  const { digest, sizeBytes, unpackedBytes } = daemon.layer;
  return [['daemon', storedPart(store, 'onstead/daemon.tar.gz', digest, sizeBytes), unpackedBytes]];
}

async function installerParts({ installerFile }: BuildInput): Promise<Content[]> {
  if (installerFile === undefined) return [];
  return [['installer', partOf('installer/install.sh', await readFile(installerFile))]];
}

async function sbomText(
  { input, store }: Work,
  release: Release,
  images: readonly BundleImage[],
  daemon: Daemon | undefined,
): Promise<string> {
  const listsOf = async (layers: readonly BundleLayer[]) =>
    mergeFacts(await Promise.all(layers.map(async ({ diffId }) => (await store.facts(diffId))!)));
  return sbomOf({
    product: release.product,
    version: release.version,
    createdAt: input.createdAt,
    images: await Promise.all(images.map(async (image) => ({ image, lists: await listsOf(image.layers) }))),
    ...(daemon === undefined
      ? {}
      : { daemon: { version: daemon.version, lists: await listsOf([daemon.layer]) } }),
  });
}

// Builds a bundle: resolves every image, takes out layers, writes digests into the release, lists the software
// inside, sums, signs, packs. The same inputs give the same bytes. Nothing is left behind on any path but the bundle.

import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, statfs } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isOnsteadError, OnsteadError } from '../base/errors.ts';
import { formatBytes } from '../base/units.ts';
import { BlobStore } from './blob-store.ts';
import { blobPath, checkIndex, FORMAT } from './bundle-index.ts';
import type { BundleFile, BundleImage, BundleIndex, BundleLayer, FileKind } from './bundle-index.ts';
import { partOf, writeBundleFile } from './bundle-file.ts';
import type { Part } from './bundle-file.ts';
import { archiveFolder } from './folder-archive.ts';
import { contentTag, parseReference, pinnedReference } from './image-reference.ts';
import type { ImageSource, SourceImage } from './image-source.ts';
import { mergeFacts } from './layer-facts.ts';
import { sign } from './minisign.ts';
import type { SecretKey } from './minisign.ts';
import { bundleManifest, OCI_LAYOUT, ociIndex, readManifest } from './oci.ts';
import { parseRelease } from './parse.ts';
import { pinImages } from './pin.ts';
import type { OnProgress } from './progress.ts';
import type { Release, ReleaseService } from './release.ts';
import { takeImages } from './saved-images.ts';
import type { StoredImage } from './saved-images.ts';
import { sbomOf } from './sbom.ts';
import { entryBytes, TAR_END } from './tar.ts';

export interface BuildInput {
  /** The vendor's file and its name, for messages. */
  readonly composeText: string;
  readonly composeFile: string;
  readonly imageSource: ImageSource;
  /** By service name: another reference to take the image from. The release keeps the vendor's name. */
  readonly imageOverrides?: Readonly<Record<string, string>>;
  /** For example `linux/amd64`. */
  readonly platform: string;
  /** What becomes `/opt/onstead/<version>`: dist, node_modules, package.json, runtime, tools. */
  readonly daemonFolder?: string;
  readonly installerFile?: string;
  readonly secretKey: SecretKey;
  /** The release's date. An input, so that a bundle can be built twice with the same bytes. */
  readonly createdAt: Date;
  readonly outPath: string;
  /** Where compressed layers are kept for the next build. Without it nothing is kept. */
  readonly cacheFolder?: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface BuildResult {
  readonly path: string;
  readonly sizeBytes: number;
  readonly keyId: string;
  readonly index: BundleIndex;
  /** As it stands in the bundle: images pinned. */
  readonly release: Release;
}

interface Work {
  readonly input: BuildInput;
  readonly arch: string;
  readonly staging: string;
  readonly store: BlobStore;
}

export async function buildBundle(input: BuildInput): Promise<BuildResult> {
  const release = parseRelease(input.composeText, input.composeFile);
  const arch = archOf(input.platform);
  const outFolder = dirname(resolve(input.outPath));
  await mkdir(outFolder, { recursive: true });
  const staging = join(
    input.cacheFolder ?? outFolder,
    `.${basename(input.outPath)}.${randomBytes(6).toString('hex')}`,
  );
  await mkdir(staging, { recursive: true });
  try {
    const store = new BlobStore(input.cacheFolder ?? join(staging, 'cache'));
    await store.prepare();
    return await build({ input, arch, staging, store }, release);
  } catch (error) {
    input.signal?.throwIfAborted();
    throw noSpace(error, outFolder) ?? error;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

function archOf(platform: string): string {
  const arch = /^linux\/([a-z0-9]+)(\/v\d)?$/.exec(platform)?.[1];
  if (arch !== undefined) return arch;
  throw new OnsteadError('bundle.platform', `"${platform}" is not a platform that bundles are built for.`, {
    next: 'Write linux/amd64 or linux/arm64.',
  });
}

async function build(work: Work, release: Release): Promise<BuildResult> {
  const { input, store } = work;
  const sources = await resolveImages(work, release);
  const stored = await storedImages(work, [...sources.values()]);
  const images = bundleImages(release, sources, stored);
  const composeText = pinImages(input.composeText, pins(release, images));
  const pinned = parseRelease(composeText, input.composeFile);
  const daemon = await takeDaemon(work);
  const contents: Content[] = [
    ['release', partOf('release/compose.yaml', composeText)],
    ...(release.notes === undefined
      ? []
      : ([['notes', partOf('release/notes.md', release.notes)]] satisfies Content[])),
    ...(await ociParts(work, images)),
    ...imageParts(store, images),
    ...daemonParts(store, daemon),
    ...(await installerParts(input)),
    ['sbom', partOf('sbom.cdx.json', await sbomText(work, release, images, daemon))],
  ];
  const index = indexOf(work, release, images, contents, daemon);
  checkIndex(index);
  const sizeBytes = await writeSigned(
    work,
    index,
    contents.map(([, part]) => part),
  );
  return { path: input.outPath, sizeBytes, keyId: input.secretKey.keyId, index, release: pinned };
}

type Content = [kind: FileKind, part: Part, unpackedBytes?: number];

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
  await requireSpace(work.staging, totalBytes);
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

function registryDigestOf(source: SourceImage, repository: string): string | undefined {
  return source.repoDigests.find((one) => one.startsWith(`${repository}@`))?.split('@')[1];
}

function pins(release: Release, images: readonly BundleImage[]): Map<string, string> {
  const imageOf = (service: ReleaseService): BundleImage =>
    images.find((one) => one.services.includes(service.name))!;
  return new Map(
    release.services.map((service) => [
      service.name,
      pinnedReference(parseReference(service.image), imageOf(service).manifestDigest),
    ]),
  );
}

interface Daemon {
  readonly version: string;
  readonly layer: BundleLayer;
}

async function takeDaemon({ input, staging, store }: Work): Promise<Daemon | undefined> {
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

function imageParts(store: BlobStore, images: readonly BundleImage[]): Content[] {
  const blobs = new Map<string, number>();
  for (const image of images) {
    blobs.set(image.manifestDigest, image.manifestBytes);
    blobs.set(image.configDigest, image.configBytes);
    for (const layer of image.layers) blobs.set(layer.digest, layer.sizeBytes);
  }
  return [...blobs]
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

function indexOf(
  { input, arch }: Work,
  release: Release,
  images: readonly BundleImage[],
  contents: readonly Content[],
  daemon: Daemon | undefined,
): BundleIndex {
  return {
    format: FORMAT,
    product: release.product,
    title: release.title,
    version: release.version,
    os: 'linux',
    arch,
    created: input.createdAt.toISOString(),
    ...(daemon === undefined ? {} : { onstead: daemon.version }),
    files: contents.map(([kind, { path, sizeBytes, sha256 }, unpackedBytes]): BundleFile => ({
      path,
      kind,
      sizeBytes,
      sha256,
      ...(unpackedBytes === undefined ? {} : { unpackedBytes }),
    })),
    images: [...images],
    from: [],
    omits: [],
  };
}

/** Signature, sums and index first, so that a reader can refuse before it has read much. */
async function writeSigned(
  { input, store }: Work,
  index: BundleIndex,
  contents: readonly Part[],
): Promise<number> {
  const listed = [partOf('bundle.json', `${JSON.stringify(index, null, 1)}\n`), ...contents];
  const sums = partOf('SHA256SUMS', listed.map(({ sha256, path }) => `${sha256}  ${path}\n`).join(''));
  const comment = `${index.product} ${index.version} ${index.os}/${index.arch} ${index.created}`;
  const signature = partOf('SHA256SUMS.minisig', sign(sums.content as Uint8Array, input.secretKey, comment));
  const parts = [signature, sums, ...listed];
  const totalBytes = parts.reduce((sum, part) => sum + entryBytes(part.sizeBytes), TAR_END.length);
  await requireSpace(dirname(resolve(input.outPath)), totalBytes);
  const draft = join(
    dirname(resolve(input.outPath)),
    `.${basename(input.outPath)}.${randomBytes(6).toString('hex')}.tmp`,
  );
  let doneBytes = 0;
  const onBytes = (count: number): void => {
    doneBytes += count;
    input.onProgress?.({ phase: 'write', doneBytes, totalBytes });
  };
  try {
    return await writeBundleFile(input.outPath, draft, parts, {
      onBytes,
      ...(input.signal === undefined ? {} : { signal: input.signal }),
    });
  } catch (error) {
    if (isOnsteadError(error, 'bundle.cache')) await forgetDamaged(store, error);
    throw error;
  }
}

async function forgetDamaged(store: BlobStore, error: OnsteadError): Promise<void> {
  for (const { path } of error.details) await store.forget(String(path).replace(/^.*\//, ''));
}

/** A fifth more than is known to be needed, since layers and folders take more than their bytes. */
async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = Math.ceil(bytes * 1.2);
  if (bavail * bsize >= needed) return;
  throw new OnsteadError(
    'bundle.no-space',
    `Building needs ${formatBytes(needed)} in ${folder}; ${formatBytes(bavail * bsize)} are free.`,
    { next: 'Free some space there, or name another folder for the bundle or the cache.' },
  );
}

function noSpace(error: unknown, folder: string): OnsteadError | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return undefined;
  return new OnsteadError('bundle.no-space', `The disk became full while building in ${folder}.`, {
    next: 'Free some space there, or name another folder for the bundle or the cache.',
    cause: error,
  });
}

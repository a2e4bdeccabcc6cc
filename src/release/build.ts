// Builds a bundle: resolves every image, takes out layers, writes digests into the release, lists the software
// inside, sums, signs, packs. The same inputs give the same bytes. Nothing is left behind on any path but the bundle.

import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isDiskFull } from '../base/disk-full.ts';
import { isOnsteadError, messageOf, OnsteadError, systemCode } from '../base/errors.ts';
import { BlobStore } from './blob-store.ts';
import { pins, takeReleaseImages } from './build-images.ts';
import { contentsOf, leftOutOf, takeDaemon } from './build-parts.ts';
import type { Content, Daemon, LeftOut } from './build-parts.ts';
import type { BuildInput, Work } from './build-work.ts';
import { checkIndex, FORMAT } from './bundle-index.ts';
import type { BundleFile, BundleImage, BundleIndex } from './bundle-index.ts';
import { partOf, writeBundleFile } from './bundle-file.ts';
import type { Part } from './bundle-file.ts';
import { checkBases } from './delta-base.ts';
import { diskFull, requireSpace } from './disk-space.ts';
import { sign } from './minisign.ts';
import { parseRelease } from './parse.ts';
import { pinImages } from './pin.ts';
import type { Release } from './release.ts';
import { entryBytes, TAR_END } from './tar.ts';

export interface BuildResult {
  readonly path: string;
  readonly sizeBytes: number;
  readonly keyId: string;
  readonly index: BundleIndex;
  /** As it stands in the bundle: images pinned. */
  readonly release: Release;
}

export async function buildBundle(input: BuildInput): Promise<BuildResult> {
  const release = parseRelease(input.composeText, input.composeFile);
  const arch = archOf(input.platform);
  checkBases(input.bases ?? [], release, arch);
  const outFolder = dirname(resolve(input.outPath));
  const staging = join(
    input.cacheFolder ?? outFolder,
    `.${basename(input.outPath)}.${randomBytes(6).toString('hex')}`,
  );
  try {
    await mkdir(outFolder, { recursive: true });
    await mkdir(staging, { recursive: true });
    const store = new BlobStore(input.cacheFolder ?? join(staging, 'cache'));
    await store.prepare();
    return await build({ input, arch, staging, store }, release);
  } catch (error) {
    input.signal?.throwIfAborted();
    throw asBuildFailure(error, outFolder);
  } finally {
    await rm(staging, { recursive: true, force: true }).catch(() => {}); // the first failure is the one to tell
  }
}

function asBuildFailure(error: unknown, outFolder: string): unknown {
  if (isOnsteadError(error)) return error;
  if (isDiskFull(error)) return diskFull(outFolder, error);
  if (systemCode(error) === undefined) return error;
  return new OnsteadError('bundle.files', `The bundle could not be built: ${messageOf(error)}.`, {
    next: 'Check that the path is right and that you may read or write there.',
    cause: error,
  });
}

function archOf(platform: string): string {
  const arch = /^linux\/([a-z0-9]+)(\/v\d)?$/.exec(platform)?.[1];
  if (arch !== undefined) return arch;
  throw new OnsteadError('bundle.platform', `"${platform}" is not a platform that bundles are built for.`, {
    next: 'Write linux/amd64 or linux/arm64.',
  });
}

async function build(work: Work, release: Release): Promise<BuildResult> {
  const { input } = work;
  const images = await takeReleaseImages(work, release);
  const composeText = pinImages(input.composeText, pins(release, images));
  const pinned = parseRelease(composeText, input.composeFile);
  const daemon = await takeDaemon(work);
  const leftOut = leftOutOf(work, images, daemon);
  const contents = await contentsOf(work, release, composeText, images, daemon, leftOut);
  const index = indexOf(work, release, images, contents, daemon, leftOut);
  checkIndex(index);
  const sizeBytes = await writeSigned(
    work,
    index,
    contents.map(([, part]) => part),
  );
  return {
    path: input.outPath,
    sizeBytes,
    keyId: input.secretKey.keyId,
    index,
    release: pinned,
  };
}

function indexOf(
  { input, arch }: Work,
  release: Release,
  images: readonly BundleImage[],
  contents: readonly Content[],
  daemon: Daemon | undefined,
  leftOut: LeftOut,
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
    ...leftOut,
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
  for (const { sha256 } of error.details) await store.forget(String(sha256));
}

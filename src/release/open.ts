// A bundle as the rest of Onstead sees it: only after all of it was verified.

import type { Readable } from 'node:stream';
import { OnsteadError } from '../base/errors.ts';
import { asUnreadable, BundleReader } from './bundle-reader.ts';
import type { BundleFile, BundleImage, BundleIndex } from './bundle-index.ts';
import { imageArchive, imageArchiveBytes, type NameImage } from './image-archive.ts';
import { readSignature } from './minisign.ts';
import type { Permission } from './permission.ts';
import type { Release } from './release.ts';
import { checkedChunks } from './unpack.ts';
import { peek, verify } from './verify.ts';
import type { Verified, VerifyOptions } from './verify.ts';

export interface ImageArchiveOptions {
  /** diffIDs of layers that the engine has; only for a classic image store. */
  readonly omitLayers?: ReadonlySet<string>;
  /** Default: the image's content tag. */
  readonly nameOf?: NameImage;
  /** By diffID: files with plain layers that the bundle does not hold. */
  readonly layerFiles?: ReadonlyMap<string, string>;
}

/** Verified in whole. Keeps the file open until `close`, so that deleting it meanwhile does no harm. */
export class VerifiedBundle implements AsyncDisposable {
  readonly path: string;
  readonly sizeBytes: number;
  readonly index: BundleIndex;
  readonly release: Release;
  /** Id of the key, and the comment signed with it. */
  readonly signedBy: { readonly keyId: string; readonly trustedComment: string };
  readonly #reader: BundleReader;
  readonly #ranges: Verified['ranges'];

  constructor(reader: BundleReader, verified: Verified) {
    this.path = reader.path;
    this.sizeBytes = reader.sizeBytes;
    this.index = verified.index;
    this.release = verified.release;
    this.signedBy = verified.signedBy;
    this.#reader = reader;
    this.#ranges = verified.ranges;
  }

  async readText(path: string): Promise<string> {
    const file = this.#file(path);
    if (file.sizeBytes > 64 * 1024 * 1024) throw new TypeError(`${path} is too large to be read at once`);
    const chunks: Buffer[] = [];
    for await (const chunk of this.#chunks(file)) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  /** For `docker load`. Without a choice: every image of the bundle. */
  imageArchive(
    images: readonly BundleImage[] = this.index.images,
    options: ImageArchiveOptions = {},
  ): Readable {
    return imageArchive({ reader: this.#reader, ranges: this.#ranges, images, ...withDefaults(options) });
  }

  imageArchiveBytes(
    images: readonly BundleImage[] = this.index.images,
    options: ImageArchiveOptions = {},
  ): number {
    return imageArchiveBytes({ images, ...withDefaults(options) });
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #file(path: string): BundleFile {
    const file = this.index.files.find((one) => one.path === path);
    if (file === undefined) throw lacks(`"${path}"`);
    return file;
  }

  #chunks(file: BundleFile): AsyncGenerator<Buffer> {
    return checkedChunks(this.#reader, this.#ranges.get(file.path)!, file.sha256);
  }
}

function withDefaults({
  omitLayers = new Set(),
  nameOf = (image) => image.contentTag,
  layerFiles = new Map(),
}: ImageArchiveOptions): Required<ImageArchiveOptions> {
  return { omitLayers, nameOf, layerFiles };
}

function lacks(what: string): OnsteadError {
  return new OnsteadError('bundle.incomplete', `The bundle holds no ${what}.`, {
    next: 'Ask the vendor for a bundle that does.',
  });
}

export async function openBundle(path: string, options: VerifyOptions): Promise<VerifiedBundle> {
  const reader = await BundleReader.open(path);
  try {
    return new VerifiedBundle(reader, await verify(reader, options));
  } catch (error) {
    await reader.close();
    options.signal?.throwIfAborted();
    throw asUnreadable(path, error);
  }
}

export interface Inspection {
  readonly index: BundleIndex;
  readonly permissions: readonly Permission[];
  readonly sizeBytes: number;
  /** Who says to have signed it; nothing was checked. */
  readonly claimedKeyId: string;
  readonly isVerified: false;
}

/** What the bundle says of itself, checked by nothing. */
export async function inspectBundle(path: string): Promise<Inspection> {
  const reader = await BundleReader.open(path);
  try {
    const { index, release, signature } = await peek(reader);
    return {
      index,
      permissions: release.permissions,
      sizeBytes: reader.sizeBytes,
      claimedKeyId: readSignature(signature).keyId,
      isVerified: false,
    };
  } catch (error) {
    throw asUnreadable(path, error);
  } finally {
    await reader.close();
  }
}

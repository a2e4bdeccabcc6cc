// Takes images out of one `docker save` stream into the blob store: the legacy layout (`<id>/layer.tar`, shared ones
// as links) and the OCI layout (plain blobs, or a registry's compressed ones). Each layer is compressed as soon as it
// has arrived, two at a time, and its plain form is dropped, so that the disk never holds the whole archive.

import { createReadStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import { isOnsteadError, messageOf, OnsteadError, systemCode } from '../base/errors.ts';
import { spool } from './blob-store.ts';
import type { BlobStore } from './blob-store.ts';
import type { BundleLayer } from './bundle-index.ts';
import type { SourceImage } from '../base/image-source.ts';
import { digestOf, ociManifest, readConfig, readManifest } from './oci.ts';
import { Workers } from './workers.ts';

export interface StoredImage {
  readonly manifestDigest: string;
  readonly manifestBytes: number;
  readonly configDigest: string;
  readonly configBytes: number;
  readonly arch: string;
  readonly layers: readonly BundleLayer[];
}

export interface TakeOptions {
  readonly archive: Readable;
  readonly wanted: readonly SourceImage[];
  readonly store: BlobStore;
  /** An own folder for plain layers while they wait. */
  readonly staging: string;
  readonly onBytes: (count: number) => void;
  readonly signal?: AbortSignal;
}

const MOST_JSON = 8 * 1024 * 1024;
const AT_ONCE = 2;

interface Pieces {
  /** Small JSON files by their name in the archive. */
  readonly texts: Map<string, string>;
  readonly layers: Map<string, BundleLayer>;
  readonly links: Map<string, string>;
}

export async function takeImages(options: TakeOptions): Promise<ReadonlyMap<string, StoredImage>> {
  const pieces = await readArchive(options);
  const items = itemsOf(pieces);
  const stored = new Map<string, StoredImage>();
  for (const image of options.wanted) {
    stored.set(image.id, await storeImage(options.store, pieces, itemFor(image, items, pieces)));
  }
  return stored;
}

async function readArchive(options: TakeOptions): Promise<Pieces> {
  const pieces: Pieces = { texts: new Map(), layers: new Map(), links: new Map() };
  const workers = new Workers(AT_ONCE);
  const reader = extract();
  const feeding = pipeline(
    options.archive,
    reader,
    options.signal === undefined ? {} : { signal: options.signal },
  );
  feeding.catch(() => {}); // the loop below meets the same error
  let count = 0;
  try {
    for await (const entry of reader) {
      const { name, type, linkname } = entry.header;
      if (type === 'symlink' || type === 'link') {
        pieces.links.set(name, type === 'link' ? linkname! : posix.join(posix.dirname(name), linkname!));
      }
      if (type !== 'file') {
        entry.resume();
        continue;
      }
      const path = join(options.staging, `piece-${(count += 1)}`);
      const spooled = await spool(entry as AsyncIterable<Uint8Array>, path, options.onBytes);
      await workers.add(() => takePiece(options, pieces, { name, path, ...spooled }));
    }
    await feeding;
    await workers.settle();
    workers.throwIfFailed();
  } catch (error) {
    throw brokenOff(error);
  } finally {
    reader.destroy();
    options.archive.destroy();
    await workers.settle();
  }
  return pieces;
}

/** Failures of the disk keep their name; what is left came with the archive. */
function brokenOff(error: unknown): unknown {
  const code = systemCode(error);
  if (isOnsteadError(error) || (code !== undefined && /^E[A-Z]+$/.test(code))) return error;
  return noImage(`The engine's archive of the images broke off (${messageOf(error)}).`, error);
}

interface Piece {
  readonly name: string;
  readonly path: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly head: Buffer;
}

async function takePiece(options: TakeOptions, pieces: Pieces, piece: Piece): Promise<void> {
  const isLayerName = piece.name.endsWith('/layer.tar');
  if (
    !isLayerName &&
    piece.head[0] !== undefined &&
    '{['.includes(String.fromCharCode(piece.head[0])) &&
    piece.sizeBytes <= MOST_JSON
  ) {
    pieces.texts.set(piece.name, await readFile(piece.path, 'utf8'));
  } else if (isLayerName || piece.name.startsWith('blobs/sha256/')) {
    pieces.layers.set(piece.name, await takeLayer(options, piece));
  }
  await rm(piece.path, { force: true });
}

async function takeLayer({ store, signal }: TakeOptions, piece: Piece): Promise<BundleLayer> {
  const magic = piece.head.toString('hex');
  const isGzip = magic.startsWith('1f8b');
  if (!isGzip && !magic.startsWith('28b52ffd')) {
    return store.takeLayer(piece.path, piece.digest, piece.sizeBytes, signal);
  }
  const plain = `${piece.path}.plain`;
  const inflate = isGzip ? createGunzip({ chunkSize: 256 * 1024 }) : createZstdDecompress();
  const feeding = pipeline(createReadStream(piece.path, { highWaterMark: 256 * 1024 }), inflate);
  feeding.catch(() => {}); // `spool` meets the same error
  try {
    const { digest: diffId, sizeBytes } = await spool(inflate, plain, () => {});
    await feeding;
    if (!isGzip) return await store.takeLayer(plain, diffId, sizeBytes, signal);
    await store.noteFacts(plain, diffId);
    await store.adopt(piece.path, piece.digest);
    return { diffId, digest: piece.digest, sizeBytes: piece.sizeBytes, unpackedBytes: sizeBytes };
  } finally {
    await rm(plain, { force: true });
  }
}

interface Item {
  readonly config: string;
  readonly configDigest: string;
  readonly layers: readonly string[];
}

function itemsOf({ texts }: Pieces): Item[] {
  const list = JSON.parse(texts.get('manifest.json') ?? 'null') as
    { Config: string; Layers: string[] | null }[] | null;
  if (list === null) throw noImage('The engine gave an archive without a list of its images.');
  return list.map(({ Config, Layers }) => {
    const config = texts.get(Config);
    if (config === undefined) throw noImage(`The engine gave an archive without "${Config}".`);
    return { config, configDigest: digestOf(config), layers: Layers ?? [] };
  });
}

/** A classic store's ID is the config digest; a containerd store's is the manifest's, or that of an index above it. */
function itemFor(image: SourceImage, items: readonly Item[], { texts }: Pieces): Item {
  const below = (digest: string, depth = 0): string[] => {
    const text = texts.get(`blobs/sha256/${digest.replace('sha256:', '')}`);
    if (text === undefined || depth > 3) return [];
    const value = JSON.parse(text) as { config?: { digest: string }; manifests?: { digest: string }[] };
    return [
      ...(value.config === undefined ? [] : [value.config.digest]),
      ...(value.manifests ?? []).flatMap((one) => below(one.digest, depth + 1)),
    ];
  };
  const configs = [image.id, ...below(image.id)];
  const found = items.find((item) => configs.includes(item.configDigest));
  if (found !== undefined) return found;
  throw noImage(`The engine's archive lacks the image ${image.id}.`);
}

async function storeImage(store: BlobStore, pieces: Pieces, item: Item): Promise<StoredImage> {
  const facts = readConfig(item.config);
  const layers = item.layers.map((name) => layerNamed(pieces, name));
  if (facts === undefined || facts.diffIds.join() !== layers.map((layer) => layer.diffId).join()) {
    throw noImage(`The layers of the image ${item.configDigest} do not fit its configuration.`);
  }
  const configBytes = Buffer.byteLength(item.config);
  const parts = { configDigest: item.configDigest, configBytes, layers };
  const manifest = registryManifest(pieces, item.configDigest, layers) ?? ociManifest(parts);
  await store.putBytes(Buffer.from(item.config));
  const manifestDigest = await store.putBytes(Buffer.from(manifest));
  return { ...parts, manifestDigest, manifestBytes: Buffer.byteLength(manifest), arch: facts.arch };
}

function layerNamed({ layers, links }: Pieces, name: string): BundleLayer {
  let at = name;
  for (let hops = 0; hops < 10 && links.has(at); hops += 1) at = links.get(at)!;
  const layer = layers.get(at);
  if (layer === undefined) throw noImage(`The engine gave an archive without the layer "${name}".`);
  return layer;
}

/** The registry's own manifest, when the engine kept it with the very blobs it names. */
function registryManifest(
  pieces: Pieces,
  configDigest: string,
  layers: readonly BundleLayer[],
): string | undefined {
  const digests = layers.map((layer) => layer.digest).join();
  for (const [name, text] of pieces.texts) {
    if (!name.startsWith('blobs/sha256/')) continue;
    const manifest = readManifest(text);
    const fits = manifest?.configDigest === configDigest && manifest.layerDigests.join() === digests;
    if (fits && manifest.areAllGzip) return text;
  }
  return undefined;
}

function noImage(message: string, cause?: unknown): OnsteadError {
  return new OnsteadError('bundle.image', message, {
    next: 'Try again; if an image was changed meanwhile, wait until its build is done.',
    cause,
  });
}

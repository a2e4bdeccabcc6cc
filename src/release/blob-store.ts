// Blobs and what is known about them, on disk and by content, so that a second build finds its work done. Every file
// appears whole, by rename. What is found is checked again by digest when it is copied into a bundle.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { readTextIfAny, writeFileAtomic } from '../base/files.ts';
import { readLayerFacts } from './layer-facts.ts';
import type { LayerFacts } from './layer-facts.ts';
import type { BundleLayer } from './bundle-index.ts';
import { digestOf } from './oci.ts';
import { writeAll } from './write-all.ts';

const LEVEL = 6;
/** gzip's output depends on the program and on how its input is cut. */
const GZIP_KIND = `gzip${LEVEL}-${process.versions['zlib'] ?? ''}`;
const FACTS_KIND = 'facts1';
const CHUNK = 256 * 1024;

export class BlobStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async prepare(): Promise<void> {
    for (const kind of ['blobs', 'images', FACTS_KIND, GZIP_KIND]) {
      await mkdir(join(this.#folder, kind), { recursive: true });
    }
  }

  blobPath(digest: string): string {
    return join(this.#folder, 'blobs', hexOf(digest));
  }

  async hasBlob(digest: string, sizeBytes: number): Promise<boolean> {
    const found = await stat(this.blobPath(digest)).catch(() => undefined);
    return found?.size === sizeBytes;
  }

  async forget(digest: string): Promise<void> {
    await rm(this.blobPath(digest), { force: true });
  }

  readBlob(digest: string): Promise<Buffer> {
    return readFile(this.blobPath(digest));
  }

  async putBytes(bytes: Uint8Array): Promise<string> {
    const digest = digestOf(bytes);
    await writeFileAtomic(this.blobPath(digest), bytes);
    return digest;
  }

  async adopt(path: string, digest: string): Promise<void> {
    await rename(path, this.blobPath(digest));
  }

  /** The gzip blob of this plain layer, if it was made before and is still there. */
  async layer(diffId: string): Promise<BundleLayer | undefined> {
    const layer = await this.#readJson<BundleLayer>(GZIP_KIND, diffId);
    return layer !== undefined && (await this.hasBlob(layer.digest, layer.sizeBytes)) ? layer : undefined;
  }

  facts(diffId: string): Promise<LayerFacts | undefined> {
    return this.#readJson<LayerFacts>(FACTS_KIND, diffId);
  }

  readImage<T>(id: string): Promise<T | undefined> {
    return this.#readJson<T>('images', id);
  }

  writeImage(id: string, image: unknown): Promise<void> {
    return this.#writeJson('images', id, image);
  }

  /** Compresses a plain tar whose digest is known, and notes what software it brings. Known ones cost nothing. */
  async takeLayer(
    path: string,
    diffId: string,
    unpackedBytes: number,
    signal?: AbortSignal,
  ): Promise<BundleLayer> {
    await this.noteFacts(path, diffId);
    const known = await this.layer(diffId);
    if (known !== undefined) return known;
    const layer = {
      diffId,
      ...(await this.#compress(createReadStream(path, { highWaterMark: CHUNK }), signal)),
      unpackedBytes,
    };
    await this.#writeJson(GZIP_KIND, diffId, layer);
    return layer;
  }

  async noteFacts(path: string, diffId: string): Promise<void> {
    if ((await this.facts(diffId)) === undefined)
      await this.#writeJson(FACTS_KIND, diffId, await readLayerFacts(path));
  }

  async #compress(plain: Readable, signal?: AbortSignal): Promise<{ digest: string; sizeBytes: number }> {
    const draft = join(this.#folder, 'blobs', `.${randomBytes(6).toString('hex')}.tmp`);
    const meter = new Meter();
    try {
      await pipeline(
        plain,
        createGzip({ level: LEVEL, chunkSize: 256 * 1024 }),
        meter,
        createWriteStream(draft, { flush: true }),
        { ...(signal === undefined ? {} : { signal }) },
      );
      await this.adopt(draft, meter.digest());
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    return { digest: meter.digest(), sizeBytes: meter.sizeBytes };
  }

  async #readJson<T>(kind: string, digest: string): Promise<T | undefined> {
    const text = await readTextIfAny(join(this.#folder, kind, `${hexOf(digest)}.json`));
    try {
      return text === undefined ? undefined : (JSON.parse(text) as T); // written by ourselves; damage means unknown
    } catch {
      return undefined;
    }
  }

  #writeJson(kind: string, digest: string, value: unknown): Promise<void> {
    return writeFileAtomic(join(this.#folder, kind, `${hexOf(digest)}.json`), JSON.stringify(value));
  }
}

function hexOf(digest: string): string {
  const hex = digest.replace('sha256:', '');
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new TypeError(`not a sha256 digest: ${digest}`);
  return hex;
}

/** Passes bytes through, counting and hashing them. */
export class Meter extends Transform {
  sizeBytes = 0;
  readonly #hash = createHash('sha256');
  #digest: string | undefined;

  constructor() {
    super({ highWaterMark: CHUNK });
  }

  override _transform(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error: null, chunk: Buffer) => void,
  ): void {
    this.sizeBytes += chunk.length;
    this.#hash.update(chunk);
    done(null, chunk);
  }

  digest(): string {
    this.#digest ??= `sha256:${this.#hash.digest('hex')}`;
    return this.#digest;
  }
}

/** Writes a stream of small chunks to a file in large ones. */
export async function spool(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  onBytes: (count: number) => void,
) {
  const hash = createHash('sha256');
  const file = await open(path, 'w');
  let head: Buffer = Buffer.alloc(0);
  let sizeBytes = 0;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const flush = async (): Promise<void> => {
    await writeAll(file, Buffer.concat(waiting));
    onBytes(waitingBytes);
    waiting = [];
    waitingBytes = 0;
  };
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      if (head.length < 8) head = Buffer.concat([head, chunk.subarray(0, 8)]);
      sizeBytes += chunk.length;
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes >= CHUNK) await flush();
    }
    await flush();
  } finally {
    await file.close();
  }
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes, head };
}

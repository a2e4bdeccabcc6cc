// Verifies a whole bundle in one pass: signature, sums, index, then every entry's header, size, hash and padding.
// Until the signature holds, nothing but the two first, small entries is looked at.

import { createHash } from 'node:crypto';
import { OnsteadError } from '../base/errors.ts';
import { checkIndex, FORMAT, readIndex } from './bundle-index.ts';
import type { BundleIndex } from './bundle-index.ts';
import { badIndex } from './bundle-index.ts';
import { damaged, truncated } from './bundle-reader.ts';
import type { BundleReader, Range } from './bundle-reader.ts';
import { checkContents, COMPOSE, isLookedInto, readRelease } from './contents.ts';
import { verifySignature } from './minisign.ts';
import type { PublicKey, Signed } from './minisign.ts';
import type { OnProgress } from './progress.ts';
import type { Release } from './release.ts';
import {
  badTar,
  BLOCK,
  entryBytes,
  isPlainName,
  paddingOf,
  readTarHeader,
  TAR_END,
  tarHeader,
} from './tar.ts';

const SIGNATURE = 'SHA256SUMS.minisig';
const SUMS = 'SHA256SUMS';
const INDEX = 'bundle.json';

const MOST_SIGNATURE = 4 * 1024;
const MOST_SUMS = 4 * 1024 * 1024;
const MOST_INDEX = 16 * 1024 * 1024;
const MOST_RELEASE = 1024 * 1024;
const MOST_LOOKED_INTO = 64 * 1024 * 1024;

export interface VerifyOptions {
  readonly trustedKeys: readonly PublicKey[];
  /** Of this machine, as images name it. */
  readonly arch?: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface Verified {
  readonly index: BundleIndex;
  readonly release: Release;
  readonly signedBy: Signed;
  /** Where each file's content stands. */
  readonly ranges: ReadonlyMap<string, Range>;
}

export async function verify(reader: BundleReader, options: VerifyOptions): Promise<Verified> {
  const cursor = new Cursor(reader);
  const signature = asText(await cursor.head(SIGNATURE, MOST_SIGNATURE));
  const sums = await cursor.head(SUMS, MOST_SUMS);
  const signedBy = verifySignature(sums, signature, options.trustedKeys);
  const listed = readSums(asText(sums));
  const index = await readSignedIndex(cursor, listed);
  checkArch(index, options.arch ?? archOfThisMachine());
  checkIndex(index);
  checkSums(index, listed);
  checkSize(index, cursor.offset, reader.sizeBytes);
  const { ranges, texts } = await checkEntries(cursor, index, options);
  return { index, release: checkContents(index, texts), signedBy, ranges };
}

function archOfThisMachine(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

/** The index as it stands, believing nothing: for looking only. */
export async function peek(
  reader: BundleReader,
): Promise<{ index: BundleIndex; release: Release; signature: string }> {
  const cursor = new Cursor(reader);
  const signature = asText(await cursor.head(SIGNATURE, MOST_SIGNATURE));
  await cursor.head(SUMS, MOST_SUMS);
  const index = readIndex(asText(await cursor.head(INDEX, MOST_INDEX)));
  for (const { path, sizeBytes } of index.files) {
    if (path === COMPOSE)
      return { index, release: readRelease(asText(await cursor.head(path, MOST_RELEASE))), signature };
    await cursor.enter(path, sizeBytes);
  }
  throw badIndex('it lists no release');
}

/** Walks from entry to entry; each must be the one that is expected. */
class Cursor {
  offset = 0;
  readonly #reader: BundleReader;

  constructor(reader: BundleReader) {
    this.#reader = reader;
  }

  get reader(): BundleReader {
    return this.#reader;
  }

  /** A small entry at the front, whose size only its header tells. */
  async head(name: string, mostBytes: number): Promise<Buffer> {
    if (this.offset === 0) await this.#beginsAsBundle();
    const header = await this.#reader.read({ offset: this.offset, sizeBytes: BLOCK });
    const found = readTarHeader(header);
    if (found.name !== name) throw badTar(`The bundle holds "${found.name}" where "${name}" must be.`);
    if (found.sizeBytes > mostBytes) throw badTar(`"${name}" is larger than it may be.`);
    const content = await this.#reader.read({ offset: this.offset + BLOCK, sizeBytes: found.sizeBytes });
    await this.#pass(found.sizeBytes);
    return content;
  }

  /** Before its size is judged: a small file of another kind is no bundle that was cut off. */
  async #beginsAsBundle(): Promise<void> {
    const name = Buffer.from(`${SIGNATURE}\0`);
    const sizeBytes = Math.min(name.length, this.#reader.sizeBytes);
    if (name.equals(await this.#reader.read({ offset: 0, sizeBytes }))) return;
    throw new OnsteadError('bundle.tar', 'This file is not an Onstead bundle.', {
      next: 'Give the .tar file that the vendor delivered, as it is.',
    });
  }

  /** The content's place of an entry whose name and size are signed. */
  async enter(name: string, sizeBytes: number): Promise<Range> {
    const header = await this.#reader.read({ offset: this.offset, sizeBytes: BLOCK });
    if (!tarHeader(name, sizeBytes).equals(header)) {
      const found = readTarHeader(header);
      throw badTar(
        `The bundle holds "${found.name}" (${found.sizeBytes} bytes) where "${name}" (${sizeBytes} bytes) must be.`,
      );
    }
    const range = { offset: this.offset + BLOCK, sizeBytes };
    await this.#pass(sizeBytes);
    return range;
  }

  async end(): Promise<void> {
    const rest = await this.#reader.read({ offset: this.offset, sizeBytes: TAR_END.length });
    if (!rest.equals(TAR_END)) throw badTar('The bundle does not end where it must.');
  }

  async #pass(sizeBytes: number): Promise<void> {
    const padding = paddingOf(sizeBytes);
    const at = this.offset + BLOCK + sizeBytes;
    const bytes = await this.#reader.read({ offset: at, sizeBytes: padding });
    if (bytes.some((byte) => byte !== 0)) throw badTar('The bundle holds bytes between its entries.');
    this.offset += entryBytes(sizeBytes);
  }
}

function asText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw damaged('a text in it is not UTF-8');
  }
}

interface Sum {
  readonly path: string;
  readonly sha256: string;
}

function readSums(text: string): Sum[] {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw badIndex('SHA256SUMS does not end with a line');
  return lines.map((line) => {
    const match = /^([0-9a-f]{64}) {2}(.+)$/.exec(line);
    if (match === null || !isPlainName(match[2]!)) throw badIndex('SHA256SUMS holds a line that is no sum');
    return { sha256: match[1]!, path: match[2]! };
  });
}

async function readSignedIndex(cursor: Cursor, listed: readonly Sum[]): Promise<BundleIndex> {
  const bytes = await cursor.head(INDEX, MOST_INDEX);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (listed[0]?.path !== INDEX) throw badIndex(`SHA256SUMS does not begin with ${INDEX}`);
  if (listed[0].sha256 !== sha256) throw damaged(`${INDEX} does not have the signed checksum`);
  return readIndex(asText(bytes));
}

function checkArch({ arch, format }: BundleIndex, here: string): void {
  if (format !== FORMAT) throw badIndex('its format is not known');
  if (arch === here) return;
  throw new OnsteadError('bundle.arch', `This bundle is for ${arch}; this machine is ${here}.`, {
    next: `Ask the vendor for the bundle for ${here}.`,
  });
}

function checkSums(index: BundleIndex, [, ...rest]: readonly Sum[]): void {
  const same =
    rest.length === index.files.length &&
    index.files.every((file, at) => file.path === rest[at]!.path && file.sha256 === rest[at]!.sha256);
  if (!same) throw badIndex('SHA256SUMS and bundle.json name different files');
}

function checkSize(index: BundleIndex, offset: number, hasBytes: number): void {
  const needed = index.files.reduce((sum, file) => sum + entryBytes(file.sizeBytes), offset + TAR_END.length);
  if (hasBytes < needed) throw truncated(hasBytes, needed);
  if (hasBytes > needed) throw badTar(`The bundle goes on for ${hasBytes - needed} bytes after its end.`);
}

async function checkEntries(
  cursor: Cursor,
  index: BundleIndex,
  { onProgress, signal }: VerifyOptions,
): Promise<{ ranges: Map<string, Range>; texts: Map<string, string> }> {
  const ranges = new Map<string, Range>();
  const texts = new Map<string, string>();
  const totalBytes = cursor.reader.sizeBytes;
  const isSmall = isLookedInto(index);
  let lookedInto = 0;
  for (const file of index.files) {
    const range = await cursor.enter(file.path, file.sizeBytes);
    const start = range.offset;
    let done = 0;
    const onBytes = (count: number): void => {
      done += count;
      onProgress?.({ phase: 'verify', doneBytes: start + done, totalBytes });
    };
    const sha256 = await cursor.reader.hash(range, onBytes, signal);
    if (sha256 !== file.sha256) throw damaged(`"${file.path}" does not have the signed checksum`);
    ranges.set(file.path, range);
    if (!isSmall(file.path)) continue;
    lookedInto += file.sizeBytes;
    if (lookedInto > MOST_LOOKED_INTO) throw badIndex('its manifests are larger than they may be');
    const bytes = await cursor.reader.read(range);
    if (createHash('sha256').update(bytes).digest('hex') !== file.sha256)
      throw damaged(`"${file.path}" changes while it is read`);
    texts.set(file.path, asText(bytes));
  }
  await cursor.end();
  return { ranges, texts };
}

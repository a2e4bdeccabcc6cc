// What software a layer brings, read from its plain tar on disk: only headers and the few files that list packages
// are touched. Layers of any origin are read, so the reader is forgiving: what it cannot read brings no facts.

import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { readApk, readDpkg, readNpm, readOsRelease } from './packages.ts';
import type { PackageList } from './packages.ts';

export interface LayerFacts {
  readonly lists: Readonly<Record<string, PackageList>>;
  /** Paths that this layer deletes from those below. */
  readonly removed: readonly string[];
  /** Folders whose content below is hidden. */
  readonly opaque: readonly string[];
}

const MOST_BYTES = 64 * 1024 * 1024;

export async function readLayerFacts(tarPath: string): Promise<LayerFacts> {
  const lists: Record<string, PackageList> = {};
  const removed: string[] = [];
  const opaque: string[] = [];
  const file = await open(tarPath);
  try {
    for await (const entry of walk(file)) {
      const [folder, base] = split(entry.path);
      if (base === '.wh..wh..opq') opaque.push(folder);
      else if (base.startsWith('.wh.')) removed.push(join(folder, base.slice(4)));
      const reader = entry.isFile && entry.sizeBytes <= MOST_BYTES ? readerFor(entry.path) : undefined;
      const list = reader?.(
        (await bytesAt(file, entry.offset, reader === rpmNote ? 0 : entry.sizeBytes)).toString(),
      );
      if (list !== undefined) lists[entry.path] = list;
    }
  } finally {
    await file.close();
  }
  return { lists, removed, opaque };
}

type Reader = (text: string) => PackageList | undefined;

const rpmNote: Reader = () => ({ kind: 'rpm', packages: [] });

function readerFor(path: string): Reader | undefined {
  if (path === 'var/lib/dpkg/status') return readDpkg;
  if (path.startsWith('var/lib/dpkg/status.d/') && !path.endsWith('.md5sums')) return readDpkg;
  if (/^(usr\/)?lib\/apk\/db\/installed$/.test(path)) return readApk;
  if (/^(etc|usr\/lib)\/os-release$/.test(path)) return readOsRelease;
  if (/^(var\/lib|usr\/lib\/sysimage)\/rpm\/(Packages(\.db)?|rpmdb\.sqlite)$/.test(path)) return rpmNote;
  return /(^|\/)node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(path) ? readNpm : undefined;
}

/** The lists that a container of these layers, bottom first, would see. */
export function mergeFacts(layers: readonly LayerFacts[]): Map<string, PackageList> {
  const merged = new Map<string, PackageList>();
  const drop = (path: string, itself: boolean): void => {
    for (const key of merged.keys()) {
      if ((itself && key === path) || path === '' || key.startsWith(`${path}/`)) merged.delete(key);
    }
  };
  for (const layer of layers) {
    for (const path of layer.removed) drop(path, true);
    for (const path of layer.opaque) drop(path, false);
    for (const [path, list] of Object.entries(layer.lists)) merged.set(path, list);
  }
  return merged;
}

interface Entry {
  readonly path: string;
  readonly isFile: boolean;
  readonly sizeBytes: number;
  readonly offset: number;
}

/** Hops from header to header. Knows ustar prefixes, GNU long names and pax paths and sizes. */
async function* walk(file: FileHandle): AsyncGenerator<Entry> {
  const window = new Window(file);
  let offset = 0;
  let long: { path?: string; sizeBytes?: number } = {};
  for (;;) {
    const header = await window.block(offset);
    if (header === undefined || header[0] === 0) return;
    const type = String.fromCharCode(header[156]!);
    const sizeBytes = (type === 'x' || type === 'L' ? undefined : long.sizeBytes) ?? sizeIn(header);
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) return;
    const start = offset + 512;
    offset = start + Math.ceil(sizeBytes / 512) * 512;
    if (type === 'x' || type === 'L') {
      if (sizeBytes > 1024 * 1024) return;
      const text = (await bytesAt(file, start, sizeBytes)).toString();
      long = type === 'L' ? { ...long, path: text.replace(/\0.*$/s, '') } : { ...long, ...paxIn(text) };
      continue;
    }
    if (type === 'g' || type === 'K') continue;
    const path = (long.path ?? nameIn(header)).replace(/^(\.?\/)+/, '').replace(/\/+$/, '');
    long = {};
    yield { path, isFile: type === '0' || type === '\0', sizeBytes, offset: start };
  }
}

/** Small files stand close together: one read serves many headers. */
class Window {
  readonly #file: FileHandle;
  readonly #bytes = Buffer.alloc(64 * 1024);
  #start = 0;
  #length = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async block(offset: number): Promise<Buffer | undefined> {
    if (offset < this.#start || offset + 512 > this.#start + this.#length) {
      const { bytesRead } = await this.#file.read(this.#bytes, 0, this.#bytes.length, offset);
      this.#start = offset;
      this.#length = bytesRead;
      if (bytesRead < 512) return undefined;
    }
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + 512);
  }
}

function sizeIn(header: Buffer): number {
  if ((header[124]! & 0x80) !== 0) return Number(header.readBigUInt64BE(128));
  return Number.parseInt(
    header
      .toString('latin1', 124, 136)
      .replace(/[\0 ]+$/, '')
      .trim() || '0',
    8,
  );
}

function nameIn(header: Buffer): string {
  const text = (from: number, to: number): string => header.toString('utf8', from, to).replace(/\0.*$/s, '');
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? text(345, 500) : '';
  return prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
}

function paxIn(text: string): { path?: string; sizeBytes?: number } {
  const path = /(?:^|\n)\d+ path=([^\n]*)/.exec(text)?.[1];
  const size = /(?:^|\n)\d+ size=(\d+)/.exec(text)?.[1];
  return {
    ...(path === undefined ? {} : { path }),
    ...(size === undefined ? {} : { sizeBytes: Number(size) }),
  };
}

async function bytesAt(file: FileHandle, offset: number, sizeBytes: number): Promise<Buffer> {
  const bytes = Buffer.alloc(sizeBytes);
  const { bytesRead } = await file.read(bytes, 0, sizeBytes, offset);
  return bytes.subarray(0, bytesRead);
}

function split(path: string): [string, string] {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}

function join(folder: string, base: string): string {
  return folder === '' ? base : `${folder}/${base}`;
}

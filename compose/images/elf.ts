// Reads which shared libraries an ELF file asks for, so that an image carries those and no others.

import { closeSync, openSync, readSync } from 'node:fs';

export interface ElfNeeds {
  readonly libraries: readonly string[];
  /** Folders the file itself names (RUNPATH), `$ORIGIN` not yet replaced. */
  readonly runPath: readonly string[];
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

const LOAD = 1;
const DYNAMIC = 2;
const TAG = { needed: 1, strings: 5, runPathOld: 15, runPath: 29 } as const;

/** The libraries a 64-bit little-endian ELF file needs; undefined when it is no such file. */
export function readElfNeeds(path: string): ElfNeeds | undefined {
  const file = openSync(path, 'r');
  try {
    return needsOf((offset, size) => readAt(file, offset, size));
  } finally {
    closeSync(file);
  }
}

type Read = (offset: number, size: number) => Buffer;

function readAt(file: number, offset: number, size: number): Buffer {
  const buffer = Buffer.alloc(size);
  return buffer.subarray(0, readSync(file, buffer, 0, size, offset));
}

function needsOf(read: Read): ElfNeeds | undefined {
  const head = read(0, 64);
  const isElf64 = head.length === 64 && head.readUInt32BE(0) === 0x7f454c46 && head[4] === 2 && head[5] === 1;
  if (!isElf64) return undefined;
  const segments = readSegments(head, read);
  const dynamic = segments.find((segment) => segment.type === DYNAMIC);
  if (dynamic === undefined) return { libraries: [], runPath: [] };
  const tags = readTags(read(dynamic.offset, dynamic.size));
  const strings = offsetOf(segments, tags.find(([tag]) => tag === TAG.strings)?.[1] ?? 0);
  const text = (value: number): string => readText(read, strings + value);
  const all = (...wanted: number[]): string[] =>
    tags.filter(([tag]) => wanted.includes(tag)).map(([, value]) => text(value));
  return {
    libraries: all(TAG.needed),
    runPath: all(TAG.runPath, TAG.runPathOld).flatMap((folders) => folders.split(':')),
  };
}

function readSegments(head: Buffer, read: Read): Segment[] {
  const start = Number(head.readBigUInt64LE(32));
  const size = head.readUInt16LE(54);
  const table = read(start, size * head.readUInt16LE(56));
  return Array.from({ length: Math.floor(table.length / size) }, (_, index) => {
    const entry = table.subarray(index * size);
    return {
      type: entry.readUInt32LE(0),
      offset: Number(entry.readBigUInt64LE(8)),
      address: Number(entry.readBigUInt64LE(16)),
      size: Number(entry.readBigUInt64LE(32)),
    };
  });
}

function readTags(table: Buffer): [tag: number, value: number][] {
  const tags: [number, number][] = [];
  for (let at = 0; at + 16 <= table.length; at += 16) {
    tags.push([Number(table.readBigInt64LE(at)), Number(table.readBigUInt64LE(at + 8))]);
  }
  return tags;
}

function offsetOf(segments: readonly Segment[], address: number): number {
  const home = segments.find((s) => s.type === LOAD && address >= s.address && address < s.address + s.size);
  return home === undefined ? 0 : address - home.address + home.offset;
}

function readText(read: Read, offset: number): string {
  const bytes = read(offset, 1024);
  return bytes.toString('latin1', 0, bytes.indexOf(0));
}

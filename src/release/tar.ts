// The one tar dialect of bundles: plain files, mode 0644, one fixed date, names of at most 100 bytes. A header has
// exactly one right form, so reading means: read name and size, write the header anew, compare every byte.

import { OnsteadError } from '../base/errors.ts';

export const BLOCK = 512;
/** Two empty blocks close the archive; nothing follows. */
export const TAR_END = Buffer.alloc(2 * BLOCK);

const NAME_BYTES = 100;
const OCTAL_LIMIT = 8 ** 11;
const MTIME = Date.UTC(2000, 0, 1) / 1000;

export interface TarHeader {
  readonly name: string;
  readonly sizeBytes: number;
}

export function tarHeader(name: string, sizeBytes: number): Buffer {
  if (!isPlainName(name)) throw badTar(`The name "${printable(name)}" cannot stand in a bundle.`);
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 'latin1');
  block.write('0000644\x000000000\x000000000\0', 100, 'latin1');
  writeSize(block, sizeBytes);
  block.write(`${MTIME.toString(8).padStart(11, '0')}\0`, 136, 'latin1');
  block.write('0', 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write('0000000\x000000000\0', 329, 'latin1');
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Sizes from 8 GB on do not fit into octal digits; every reader of today knows this binary form. */
function writeSize(block: Buffer, sizeBytes: number): void {
  if (sizeBytes < OCTAL_LIMIT) {
    block.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    return;
  }
  block[124] = 0x80;
  block.writeBigUInt64BE(BigInt(sizeBytes), 128);
}

function readSize(block: Buffer): number {
  if (block[124] === 0x80) return Number(block.readBigUInt64BE(128));
  const digits = block.toString('latin1', 124, 135);
  return /^[0-7]{11}$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

export function readTarHeader(block: Buffer): TarHeader {
  const end = block.indexOf(0);
  const name = block.toString('latin1', 0, end >= 0 && end < NAME_BYTES ? end : NAME_BYTES);
  const sizeBytes = readSize(block);
  if (!isPlainName(name))
    throw badTar(`The bundle holds an entry with a name that is not allowed ("${printable(name)}").`);
  if (!Number.isSafeInteger(sizeBytes) || !tarHeader(name, sizeBytes).equals(block)) {
    throw badTar(
      `The entry "${printable(name)}" of the bundle is not a plain file, or its header is damaged.`,
    );
  }
  return { name, sizeBytes };
}

/** What follows a file of this size up to the next block. */
export function paddingOf(sizeBytes: number): number {
  return (BLOCK - (sizeBytes % BLOCK)) % BLOCK;
}

/** The bytes that an entry takes: header, content, padding. */
export function entryBytes(sizeBytes: number): number {
  return BLOCK + sizeBytes + paddingOf(sizeBytes);
}

/** Relative, no empty part, no `.` or `..`, plain characters only. */
export function isPlainName(name: string): boolean {
  if (name.length === 0 || name.length > NAME_BYTES || !/^[A-Za-z0-9._@+/-]+$/.test(name)) return false;
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function printable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?');
}

export function badTar(message: string): OnsteadError {
  return new OnsteadError('bundle.tar', message, {
    next: 'Fetch the bundle again from where it came; if that does not help, ask the vendor.',
  });
}

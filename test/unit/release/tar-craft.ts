// Takes bundles apart and puts them together wrongly, signed or not. Has a tar writer of its own, which will write
// what the real one refuses to.

import { secretKey, sha256 } from './bundle-fixture.ts';
import { sign } from '../../../src/release/index.ts';
import type { BundleIndex, SecretKey } from '../../../src/release/index.ts';

export interface Entry {
  name: string;
  content: Buffer;
  type?: string;
  link?: string;
}

export function takeApart(bytes: Buffer): Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; bytes[at] !== 0;) {
    const name = bytes.toString('latin1', at, bytes.indexOf(0, at));
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 135), 8);
    entries.push({ name, content: bytes.subarray(at + 512, at + 512 + size) });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return entries;
}

export function header({ name, content, type = '0', link = '' }: Entry, size = content.length): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, 'latin1');
  block.write('0000644\x000000000\x000000000\0', 100, 'latin1');
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write(`${(Date.UTC(2000, 0, 1) / 1000).toString(8).padStart(11, '0')}\0`, 136, 'latin1');
  block.write(type, 156, 'latin1');
  block.write(link, 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write('0000000\x000000000\0', 329, 'latin1');
  return withChecksum(block);
}

export function withChecksum(block: Buffer): Buffer {
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

export function putTogether(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap((entry) => [
    header(entry),
    entry.content,
    Buffer.alloc((512 - (entry.content.length % 512)) % 512),
  ]);
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** Sums and signature that fit the entries, whatever these are. */
export function signed(entries: readonly Entry[], key: SecretKey = secretKey): Entry[] {
  const rest = entries.filter(({ name }) => !name.startsWith('SHA256SUMS'));
  const sums = Buffer.from(rest.map(({ name, content }) => `${sha256(content)}  ${name}\n`).join(''));
  const signature = Buffer.from(sign(sums, key, 'crafted'));
  return [{ name: 'SHA256SUMS.minisig', content: signature }, { name: 'SHA256SUMS', content: sums }, ...rest];
}

export function indexOf(entries: readonly Entry[]): BundleIndex {
  return JSON.parse(entries.find(({ name }) => name === 'bundle.json')!.content.toString()) as BundleIndex;
}

/** The same bundle with its index changed, and signed again. */
export function withIndex(entries: readonly Entry[], change: (index: BundleIndex) => unknown): Entry[] {
  const index = indexOf(entries);
  const changed = change(index) ?? index;
  const content = Buffer.from(typeof changed === 'string' ? changed : JSON.stringify(changed));
  return signed(entries.map((entry) => (entry.name === 'bundle.json' ? { ...entry, content } : entry)));
}

/** One file replaced everywhere it is named: in the tar, the index and the sums. */
export function withFile(entries: readonly Entry[], name: string, content: Buffer): Entry[] {
  const replaced = entries.map((entry) => (entry.name === name ? { ...entry, content } : entry));
  return withIndex(replaced, (index) => {
    const file = index.files.find(({ path }) => path === name)!;
    file.sizeBytes = content.length;
    file.sha256 = sha256(content);
  });
}

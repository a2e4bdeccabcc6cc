// minisign's secret key files, with and without a password. The password comes in as text; where it comes from
// (a prompt, a file, a variable) is the caller's matter, and it is never part of a command line.

import { randomBytes, scrypt } from 'node:crypto';
import type { ScryptOptions } from 'node:crypto';
import { OnsteadError } from '../base/errors.ts';
import { blake2b } from './blake2b.ts';
import { fromBase64, keyIdOf, publicBytesOf, writePublicKey } from './minisign.ts';
import type { PublicKey, SecretKey } from './minisign.ts';

/** libsodium's pair of limits; minisign stores it in the file and uses what stands there. */
interface Limits {
  readonly operations: number;
  readonly memoryBytes: number;
}

// N = 2^16, r = 8, p = 4: 64 MB, so that opening a key fits into a build's memory. minisign's own are 1 GB.
const LIMITS: Limits = { operations: 8_388_608, memoryBytes: 64 * 1024 * 1024 };
const MOST_MEMORY = 2 * 1024 ** 3;

const KEY_ID = 8;
const PRIVATE = 64;
const CHECKSUM = 32;
const SEALED = KEY_ID + PRIVATE + CHECKSUM;
const HEAD = 2 + 2 + 2 + 32 + 8 + 8;

export interface KeyPair {
  readonly keyId: string;
  /** The text of the `.pub` file. */
  readonly publicKey: string;
  /** The text of the `.key` file; for the eyes of its owner alone (mode 600). */
  readonly secretKey: string;
}

export async function keygen(options: { readonly password?: string } = {}): Promise<KeyPair> {
  const id = randomBytes(KEY_ID);
  const seed = randomBytes(32);
  const bytes = publicBytesOf(seed);
  const keyId = keyIdOf(id);
  const open = Buffer.concat([id, seed, bytes]);
  const sealed = Buffer.concat([open, checksum(open)]);
  const head = Buffer.alloc(HEAD);
  head.write('Ed', 0, 'latin1');
  head.write('B2', 4, 'latin1');
  if (options.password !== undefined) {
    head.write('Sc', 2, 'latin1');
    randomBytes(32).copy(head, 6);
    head.writeBigUInt64LE(BigInt(LIMITS.operations), 38);
    head.writeBigUInt64LE(BigInt(LIMITS.memoryBytes), 46);
    mask(sealed, await stretch(options.password, head.subarray(6, 38), LIMITS));
  }
  const kind = options.password === undefined ? 'minisign secret key' : 'minisign encrypted secret key';
  return {
    keyId,
    publicKey: writePublicKey({ keyId, comment: '', bytes }),
    secretKey: `untrusted comment: ${kind}\n${Buffer.concat([head, sealed]).toString('base64')}\n`,
  };
}

/** Whether a password is needed to read this key. */
export function isPasswordNeeded(text: string): boolean {
  return decode(text).subarray(2, 4).toString('latin1') === 'Sc';
}

export async function readSecretKey(text: string, password?: string): Promise<SecretKey> {
  const bytes = decode(text);
  const sealed = Buffer.from(bytes.subarray(HEAD));
  const locked = bytes.subarray(2, 4).toString('latin1') === 'Sc';
  if (locked) {
    if (password === undefined) {
      throw new OnsteadError('bundle.password', 'This secret key is protected by a password.', {
        next: 'Give its password by prompt, file or environment variable.',
      });
    }
    mask(sealed, await stretch(password, bytes.subarray(6, 38), limitsIn(bytes)));
  }
  const open = sealed.subarray(0, KEY_ID + PRIVATE);
  const found = sealed.subarray(KEY_ID + PRIVATE);
  // minisign leaves the checksum of a key without a password empty; the public half beside it still guards it.
  const unset = !locked && found.equals(Buffer.alloc(CHECKSUM));
  if (!unset && !checksum(open).equals(found)) {
    throw locked
      ? new OnsteadError('bundle.password', 'The password does not open this secret key.', {
          next: 'Try the password again.',
        })
      : notAKey('The secret key file is damaged.');
  }
  return opened(open);
}

function opened(open: Buffer): SecretKey {
  const keyId = keyIdOf(open.subarray(0, KEY_ID));
  const seed = open.subarray(KEY_ID, KEY_ID + 32);
  const bytes = publicBytesOf(seed);
  if (!bytes.equals(open.subarray(KEY_ID + 32)))
    throw notAKey('The secret key and its public half do not fit.');
  const publicKey: PublicKey = { keyId, comment: `minisign public key ${keyId}`, bytes };
  return { keyId, publicKey, seed: () => seed };
}

function decode(text: string): Buffer {
  const lines = text.trim().split(/\r?\n/);
  const bytes = fromBase64(lines.at(-1)!.trim());
  if (lines.length > 2 || bytes === undefined || bytes.length !== HEAD + SEALED) throw notAKey();
  const [kind, kdf, check] = [0, 2, 4].map((at) => bytes.subarray(at, at + 2).toString('latin1'));
  if (kind !== 'Ed' || check !== 'B2' || (kdf !== 'Sc' && kdf !== '\0\0')) throw notAKey();
  return bytes;
}

function notAKey(message = 'This is not a minisign secret key.'): OnsteadError {
  return new OnsteadError('bundle.key', message, {
    next: 'Give the .key file that "onstead bundle keygen" or "minisign -G" wrote.',
  });
}

function checksum(open: Uint8Array): Buffer {
  return blake2b(Buffer.concat([Buffer.from('Ed'), open]), CHECKSUM);
}

function mask(sealed: Buffer, stream: Buffer): void {
  for (let index = 0; index < sealed.length; index += 1) sealed[index]! ^= stream[index]!;
}

function limitsIn(bytes: Buffer): Limits {
  const [operations, memoryBytes] = [bytes.readBigUInt64LE(38), bytes.readBigUInt64LE(46)].map(Number);
  if (memoryBytes! > MOST_MEMORY || operations! > 2 ** 30) {
    throw notAKey('Opening this secret key would take more memory than is sensible.');
  }
  return { operations: operations!, memoryBytes: memoryBytes! };
}

function stretch(password: string, salt: Uint8Array, limits: Limits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, SEALED, scryptOptions(limits), (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

/** How libsodium turns its two limits into scrypt's N, r and p. */
function scryptOptions({ operations, memoryBytes }: Limits): ScryptOptions {
  const work = Math.max(operations, 32_768);
  const r = 8;
  const byWork = work < memoryBytes / 32;
  const most = byWork ? work / (r * 4) : memoryBytes / (r * 128);
  let log = 1;
  while (log < 63 && 2 ** log <= most / 2) log += 1;
  const N = 2 ** log;
  const p = byWork ? 1 : Math.floor(Math.min(0x3fffffff, Math.floor(work / 4 / N)) / r);
  return { N, r, p: Math.max(1, p), maxmem: 128 * r * (N + p + 2) + 1024 * 1024 };
}

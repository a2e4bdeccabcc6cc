// Signatures that plain `minisign` makes and checks: Ed25519 over the BLAKE2b-512 of the data, with a trusted
// comment that is signed too. Strict: one encoding of a signature is accepted, so that no byte can be changed.

import { createHash, createPrivateKey, createPublicKey, sign as signBytes, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { OnsteadError } from '../base/errors.ts';

export interface PublicKey {
  /** As minisign prints it: 16 hex digits. */
  readonly keyId: string;
  readonly comment: string;
  /** The 32 bytes of the Ed25519 key. */
  readonly bytes: Uint8Array;
}

export interface SecretKey {
  readonly keyId: string;
  readonly publicKey: PublicKey;
  /** Not enumerable on purpose: a key that is printed or logged shows nothing. */
  readonly seed: () => Uint8Array;
}

export interface Signature {
  readonly keyId: string;
  readonly untrustedComment: string;
  readonly trustedComment: string;
  readonly signature: Uint8Array;
  readonly globalSignature: Uint8Array;
}

export interface Signed {
  readonly keyId: string;
  readonly trustedComment: string;
}

const UNTRUSTED = 'untrusted comment: ';
const TRUSTED = 'trusted comment: ';
const PKCS8_SEED = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

export function readPublicKey(text: string): PublicKey {
  const lines = text.trim().split(/\r?\n/);
  const encoded = lines.at(-1)!.trim();
  const bytes = fromBase64(encoded);
  if (lines.length > 2 || bytes?.length !== 42 || bytes.subarray(0, 2).toString('latin1') !== 'Ed') {
    throw new OnsteadError('bundle.key', 'This is not a minisign public key.', {
      next: 'Give the .pub file that "onstead bundle keygen" or "minisign -G" wrote.',
    });
  }
  const comment = lines.length === 2 ? lines[0]!.replace(UNTRUSTED, '') : '';
  return { keyId: keyIdOf(bytes.subarray(2, 10)), comment, bytes: bytes.subarray(10) };
}

export function writePublicKey(key: PublicKey): string {
  const encoded = Buffer.concat([Buffer.from('Ed'), keyIdBytes(key.keyId), key.bytes]).toString('base64');
  return `${UNTRUSTED}minisign public key ${key.keyId}\n${encoded}\n`;
}

export function keyIdOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).reverse().toString('hex').toUpperCase();
}

function keyIdBytes(keyId: string): Buffer {
  return Buffer.from(keyId, 'hex').reverse();
}

function privateKeyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_SEED, seed]), format: 'der', type: 'pkcs8' });
}

export function publicBytesOf(seed: Uint8Array): Buffer {
  const spki = createPublicKey(privateKeyOf(seed)).export({ format: 'der', type: 'spki' });
  return spki.subarray(SPKI.length);
}

/** The text of a `.minisig` file. */
export function sign(data: Uint8Array, key: SecretKey, trustedComment: string): string {
  if (/[\r\n]/.test(trustedComment)) throw new TypeError('A trusted comment is one line.');
  const secret = privateKeyOf(key.seed());
  const signature = signBytes(null, prehash(data), secret);
  const globalSignature = signBytes(null, Buffer.concat([signature, Buffer.from(trustedComment)]), secret);
  return writeSignature({
    keyId: key.keyId,
    untrustedComment: '',
    trustedComment,
    signature,
    globalSignature,
  });
}

const COMMENT = 'signature from minisign secret key';

function writeSignature(parts: Signature): string {
  const head = Buffer.concat([Buffer.from('ED'), keyIdBytes(parts.keyId), parts.signature]).toString(
    'base64',
  );
  const global = Buffer.from(parts.globalSignature).toString('base64');
  return `${UNTRUSTED}${COMMENT}\n${head}\n${TRUSTED}${parts.trustedComment}\n${global}\n`;
}

/** Understands a `.minisig` file; says nothing about whether it holds. */
export function readSignature(text: string): Signature {
  const lines = text.split('\n');
  const [comment = '', head = '', trusted = '', global = '', end] = lines;
  const bytes = fromBase64(head);
  const globalSignature = fromBase64(global);
  const whole =
    lines.length === 5 &&
    end === '' &&
    comment.startsWith(UNTRUSTED) &&
    trusted.startsWith(TRUSTED) &&
    bytes?.length === 74 &&
    globalSignature?.length === 64;
  if (!whole) throw damaged('The signature is damaged.');
  if (bytes.subarray(0, 2).toString('latin1') !== 'ED') {
    throw damaged('The signature is of a kind that is not accepted (not prehashed).');
  }
  return {
    keyId: keyIdOf(bytes.subarray(2, 10)),
    untrustedComment: comment.slice(UNTRUSTED.length),
    trustedComment: trusted.slice(TRUSTED.length),
    signature: bytes.subarray(10),
    globalSignature,
  };
}

/** Holds only if one of the trusted keys signed exactly this data and comment. */
export function verifySignature(data: Uint8Array, text: string, trustedKeys: readonly PublicKey[]): Signed {
  const signature = readSignature(text);
  // The first line is not signed; only the one that minisign writes by itself is accepted.
  if (signature.untrustedComment !== COMMENT) throw damaged("The signature's first line has been changed.");
  const keys = trustedKeys.filter((one) => one.keyId === signature.keyId);
  if (keys.length === 0) throw unknownKey(signature.keyId, trustedKeys);
  if (!keys.some((key) => holds(data, signature, key))) {
    throw damaged(`The signature of key ${signature.keyId} does not fit.`);
  }
  return { keyId: signature.keyId, trustedComment: signature.trustedComment };
}

function holds(data: Uint8Array, parts: Signature, key: PublicKey): boolean {
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI, key.bytes]), format: 'der', type: 'spki' });
  const comment = Buffer.concat([parts.signature, Buffer.from(parts.trustedComment)]);
  return (
    verify(null, prehash(data), publicKey, parts.signature) &&
    verify(null, comment, publicKey, parts.globalSignature)
  );
}

function prehash(data: Uint8Array): Buffer {
  return createHash('blake2b512').update(data).digest();
}

/** Only the canonical encoding: padding bits that decoders ignore are refused. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function damaged(message: string): OnsteadError {
  return new OnsteadError('bundle.signature', message, {
    next: 'Fetch the file again from where it came; if that does not help, ask the vendor.',
  });
}

function unknownKey(keyId: string, trusted: readonly PublicKey[]): OnsteadError {
  const known =
    trusted.length === 0
      ? 'no key is trusted here'
      : `trusted: ${trusted.map((one) => one.keyId).join(', ')}`;
  return new OnsteadError(
    'bundle.unknown-key',
    `The bundle is signed by key ${keyId}, which is not trusted (${known}).`,
    {
      next: "Compare the key with the vendor's; if it is theirs, put their .pub file into /etc/onstead/trust.",
    },
  );
}

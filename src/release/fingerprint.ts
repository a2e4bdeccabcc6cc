// What an appliance has, in one small text that survives a mail: read by the vendor, who then sends only what is
// missing. No secret is in it. A checksum over what it says tells a damaged paste; white space does not count.

import { OnsteadError } from '../base/errors.ts';
import { Type, type Static } from '../base/schema.ts';
import type { Chain } from './delta.ts';
import { digestOf } from './oci.ts';
import { checkShape } from './shape.ts';

const FORMAT = 1;

const Digest = Type.String({ pattern: '^sha256:[0-9a-f]{64}$', expect: 'a sha256 digest' });
const Word = Type.String({ pattern: '^[\\w.+:-]{1,100}$', expect: 'a word' });

const Content = {
  /** The format, and what tells such a text from any other. */
  onsteadFingerprint: Type.Integer(),
  made: Word,
  onstead: Word,
  /** Digest of the packed Onstead that is there; absent for one that came in no bundle. */
  program: Type.Optional(Digest),
  engine: Word,
  store: Type.Enum(['classic', 'containerd'], { expect: 'classic or containerd' }),
  arch: Word,
  installed: Type.Optional(Type.Object({ product: Word, version: Word })),
  /** Versions whose release is kept. */
  kept: Type.Array(Word, { maxItems: 1000 }),
  /** diffIDs, each once. */
  layers: Type.Array(Digest, { maxItems: 10_000 }),
  /** Of each image the layers from the bottom up, as places in `layers`. */
  chains: Type.Array(Type.Array(Type.Integer({ minimum: 0 }), { maxItems: 1000 }), { maxItems: 1000 }),
};

export const Fingerprint = Type.Object(Content);
export type Fingerprint = Static<typeof Fingerprint>;

export type FingerprintFacts = Omit<Fingerprint, 'onsteadFingerprint' | 'layers' | 'chains'> & {
  readonly chains: readonly Chain[];
};

export function fingerprintOf({ chains, ...facts }: FingerprintFacts): Fingerprint {
  // In an order of their own: the engine's is another one each time.
  const distinct = [...new Set(chains.map((chain) => chain.join()))]
    .toSorted()
    .map((chain) => chain.split(','));
  const layers = [...new Set(distinct.flat())];
  return inOrder({
    onsteadFingerprint: FORMAT,
    ...facts,
    layers,
    chains: distinct.map((chain) => chain.map((diffId) => layers.indexOf(diffId))),
  });
}

/** Short lines, which no mail program breaks. */
export function fingerprintText(fingerprint: Fingerprint): string {
  const flat = JSON.stringify({ ...fingerprint, checksum: checksumOf(fingerprint) }, null, 1);
  return `${flat.replace(/\[[\s\d,]*\]/g, (numbers) => numbers.replace(/\s+/g, ' '))}\n`;
}

export function readFingerprint(text: string, name = 'the fingerprint'): Fingerprint {
  const value = parsed(text);
  if (value === undefined) throw damaged(name, 'it is no fingerprint, or only a part of one');
  const format = value['onsteadFingerprint'];
  if (Number.isSafeInteger(format) && format !== FORMAT) {
    throw new OnsteadError(
      'bundle.fingerprint',
      `${name} has the format ${String(format)}, which is not known.`,
      {
        next: 'Use a newer Onstead to build with.',
      },
    );
  }
  if (checkShape(Fingerprint, value, []).length > 0)
    throw damaged(name, 'a part of it is missing or changed');
  const fingerprint = inOrder(value as Fingerprint); // its shape was checked just now
  if (value['checksum'] !== checksumOf(fingerprint)) throw damaged(name, 'its checksum does not fit');
  const isWhole = fingerprint.chains.every((chain) => chain.every((at) => at < fingerprint.layers.length));
  if (!isWhole) throw damaged(name, 'it names layers that it does not list');
  return fingerprint;
}

/** What a mail puts around a text, or before each line of it, is passed over. */
function parsed(text: string): Record<string, unknown> | undefined {
  const bare = text.replace(/^[>\s\u00A0\uFEFF]+/gm, '');
  try {
    const value: unknown = JSON.parse(bare.slice(bare.indexOf('{'), bare.lastIndexOf('}') + 1));
    return value as Record<string, unknown>; // an object, since it began with a brace
  } catch {
    return undefined;
  }
}

/** The same order always, since the checksum is made of it; what a later format adds is not covered by it. */
function inOrder(fingerprint: Fingerprint): Fingerprint {
  const entries = Object.keys(Content)
    .map((key) => [key, fingerprint[key as keyof Fingerprint]] as const)
    .filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Fingerprint; // every key of the shape
}

function checksumOf(fingerprint: Fingerprint): string {
  return digestOf(JSON.stringify(inOrder(fingerprint)));
}

function damaged(name: string, why: string): OnsteadError {
  return new OnsteadError('bundle.fingerprint', `${name} cannot be used: ${why}.`, {
    next: 'Let `onstead fingerprint` print it again on the appliance, and send it as a file.',
  });
}

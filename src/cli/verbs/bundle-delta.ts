// What `onstead bundle` says and asks about deltas: their bases when building, and what they need where they arrive.

import { isOnsteadError, OnsteadError } from '../../base/errors.ts';
import { formatBytes } from '../../base/units.ts';
import { connectEngine } from '../../engine/index.ts';
import {
  baseMissing,
  baseOfBundle,
  baseOfFingerprint,
  inspectBundle,
  isDelta,
  lackingImages,
  readFingerprint,
  type BundleIndex,
  type DeltaBase,
  type LackingImage,
} from '../../release/index.ts';
import { readGiven } from '../given-file.ts';
import type { Terminal } from '../terminal.ts';
import { listFlag, textFlag, type VerbInput } from '../verb.ts';

export async function basesFrom(input: VerbInput): Promise<readonly DeltaBase[]> {
  const bundles = listFlag(input, 'from');
  const fingerprint = textFlag(input, 'for');
  if (fingerprint === undefined) return Promise.all(bundles.map(baseFromFile));
  if (bundles.length === 0) {
    const text = await readGiven(fingerprint, 'fingerprint');
    return [baseOfFingerprint(fingerprint, readFingerprint(text, fingerprint))];
  }
  throw new OnsteadError('usage.delta', '--from and --for say two things about what is there already.', {
    next: 'Give --for alone for one appliance, or --from for all that have one of these releases.',
  });
}

async function baseFromFile(path: string): Promise<DeltaBase> {
  return baseOfBundle(path, (await inspectBundle(path)).index);
}

/** Undefined of a full bundle. */
export function deltaSentence(index: BundleIndex): string | undefined {
  if (!isDelta(index)) return undefined;
  const { omits, program, from } = index;
  const layers = omits.length === 1 ? '1 layer' : `${omits.length} layers`;
  const parts = omits.length === 0 ? [] : [`${layers} (${formatBytes(omittedBytes(index))})`];
  if (program !== undefined) parts.push(`Onstead ${index.onstead} (${formatBytes(program.sizeBytes)})`);
  return `A delta on ${from.join(' or ')}: it leaves out ${parts.join(' and ')}, which must be there.`;
}

export function isOmitted({ omits }: BundleIndex): (layer: { readonly digest: string }) => boolean {
  const omitted = new Set(omits);
  return ({ digest }) => omitted.has(digest);
}

function omittedBytes(index: BundleIndex): number {
  const layers = index.images.flatMap((image) => image.layers).filter(isOmitted(index));
  return [...new Map(layers.map((layer) => [layer.digest, layer.sizeBytes])).values()].reduce(
    (sum, bytes) => sum + bytes,
    0,
  );
}

/** Undefined where there is no engine to ask. */
async function lackingHere(index: BundleIndex): Promise<readonly LackingImage[] | undefined> {
  try {
    const engine = await connectEngine();
    return lackingImages(index, await engine.images.layerChains());
  } catch (error) {
    if (isOnsteadError(error) && error.code.startsWith('engine.')) return undefined;
    throw error;
  }
}

/** Says whether a sound delta can be used on this machine. Throws when it cannot. */
export async function checkDeltaHere(index: BundleIndex, terminal: Terminal): Promise<{ isHere?: boolean }> {
  const sentence = deltaSentence(index);
  if (sentence === undefined) return {};
  terminal.say(sentence);
  if (index.omits.length === 0) return { isHere: true };
  const lacking = await lackingHere(index);
  if (lacking === undefined) {
    terminal.say(
      `${terminal.paint('warn', '!')} No engine answers here, so it was not looked whether its layers are there.`,
    );
    return {};
  }
  if (lacking.length > 0) throw baseMissing(index, lacking);
  terminal.say(`${terminal.paint('good', '✓')} Every layer that it leaves out is on this machine.`);
  return { isHere: true };
}

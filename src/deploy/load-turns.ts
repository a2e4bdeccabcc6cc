// Images go into a classic image store two at a time: while the engine unpacks one, the next is inflated and sent.
// A layer that several share goes with the first of them alone; the others wait until the engine has it.

import { commonStart, knownLayers, omittableLayers, type Chain } from '../release/index.ts';

export interface TurnImage {
  /** From the bottom up. */
  readonly diffIds: Chain;
  readonly unpackedBytes: number;
}

const AT_ONCE = 2;

export type LoadOne<Image> = (
  image: Image,
  omitLayers: ReadonlySet<string>,
  signal: AbortSignal,
) => Promise<void>;

/** `there` is what the engine had before. The first failure ends the others. */
export async function loadInTurns<Image extends TurnImage>(
  images: readonly Image[],
  signal: AbortSignal,
  load: LoadOne<Image>,
  there: readonly Chain[] = [],
): Promise<void> {
  const waiting = [...images];
  const underWay = new Map<Image, Promise<void>>();
  const loaded: Image[] = [];
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const begin = (image: Image): void => {
    waiting.splice(waiting.indexOf(image), 1);
    const work = load(image, omittable(image, chainsAfter(loaded, there)), either)
      .then(() => void loaded.push(image))
      .finally(() => underWay.delete(image));
    underWay.set(image, work);
  };
  try {
    while (waiting.length + underWay.size > 0) {
      const free = underWay.size < AT_ONCE;
      const next = free ? nextToLoad(waiting, [...underWay.keys()], loaded, there) : undefined;
      if (next === undefined) await Promise.race(underWay.values());
      else begin(next);
    }
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(underWay.values());
    throw error;
  }
}

/** The smallest at first, since others may wait for what they share with it; then the largest that need not wait. */
export function nextToLoad<Image extends TurnImage>(
  waiting: readonly Image[],
  underWay: readonly Image[],
  loaded: readonly Image[],
  there: readonly Chain[] = [],
): Image | undefined {
  const known = chainsAfter(loaded, there);
  const free = waiting
    .filter((image) => !underWay.some((other) => wouldShare(image, other, known)))
    .toSorted((a, b) => a.unpackedBytes - b.unpackedBytes);
  return underWay.length + loaded.length === 0 ? free[0] : free.at(-1);
}

/**
 * The engine looks for each layer by the chain below it, so only the bottom of an image is known from others; what
 * comes again further up (the empty layer of many images) is needed as a file.
 */
export function omittable({ diffIds }: TurnImage, there: readonly Chain[]): ReadonlySet<string> {
  return omittableLayers([diffIds], there);
}

function chainsAfter(loaded: readonly TurnImage[], there: readonly Chain[]): Chain[] {
  return [...loaded.map(({ diffIds }) => diffIds), ...there];
}

function wouldShare(image: TurnImage, other: TurnImage, known: readonly Chain[]): boolean {
  return commonStart(image.diffIds, other.diffIds) > knownLayers(image.diffIds, known);
}

// Which version of the engine's API both sides speak. Pure.

import { OnsteadError } from '../base/errors.ts';

/** Engine 20.10, the oldest that is supported. */
export const OLDEST_API = '1.41';
/** Engine 29.0, the newest whose changes were read against what this room sends and reads. */
export const NEWEST_API = '1.52';

export interface Offer {
  readonly engineVersion: string;
  readonly newest: string;
  readonly oldest: string;
}

/** The highest version that both know. */
export function negotiate(offer: Offer): string {
  if (compareApi(offer.newest, OLDEST_API) < 0) {
    throw new OnsteadError(
      'engine.too-old',
      `Docker Engine ${offer.engineVersion} is too old: it speaks API ${offer.newest}, and ${OLDEST_API} is needed.`,
      { next: 'Upgrade Docker Engine to 20.10 or newer, then try again.' },
    );
  }
  if (compareApi(offer.oldest, NEWEST_API) > 0) {
    throw new OnsteadError(
      'engine.too-new',
      `Docker Engine ${offer.engineVersion} answers no API below ${offer.oldest}, and this version knows ${NEWEST_API}.`,
      { next: 'Upgrade Onstead, or install an older Docker Engine.' },
    );
  }
  return compareApi(offer.newest, NEWEST_API) > 0 ? NEWEST_API : offer.newest;
}

/** Less than, equal to or greater than zero. `1.9` is below `1.41`. */
export function compareApi(left: string, right: string): number {
  const [leftMajor = 0, leftMinor = 0] = left.split('.').map(Number);
  const [rightMajor = 0, rightMinor = 0] = right.split('.').map(Number);
  return leftMajor - rightMajor || leftMinor - rightMinor;
}

// What requests met while a data service was away, in words: as the edge saw it, and no better. Pure.

import type { HoldSeen } from '../../../stack/index.ts';

export interface Away {
  /** From the first moment that requests waited to the end of the work. */
  readonly tookMs: number;
  /** Of these, after the limit: requests went on. */
  readonly unheldMs: number;
  /** Where the time went. */
  readonly where: string;
}

export function waitedWords(seen: HoldSeen, { tookMs, unheldMs, where }: Away): string {
  const went = where === '' ? '' : ` Where it went: ${where}.`;
  if ('notHeld' in seen) return `${notHeldWords[seen.notHeld]} It took ${seconds(tookMs)}.${went}`;
  const { waited, longestMs } = seen;
  const said =
    waited === 0
      ? `No request came in these ${seconds(tookMs)}`
      : `Requests waited for up to ${seconds(longestMs)} (${waited.toLocaleString('en-US')} of them)`;
  const after = unheldMs === 0 ? '' : `; then they got what answer there was, for ${seconds(unheldMs)}`;
  return `${said}${after}.${went}`;
}

const notHeldWords = {
  'no-nginx': 'No request waited: nginx does not run.',
  ended: 'Requests did not wait to the end: what holds them at the edge ended before.',
} as const;

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

// For crash tests: ends this process the hard way at one named point, as a power cut would.

import { writeSync } from 'node:fs';

/** What the log says last of a process that ended here, so that a test knows where it did. */
export const faultMark = 'ended on purpose at ';

/**
 * `ONSTEAD_FAULT=6/load-images:after` kills the daemon between the effect of the sixth step and its record,
 * `6/load-images:during` as soon as the effect waits for anything, `6/load-images:during+150ms` after that time, if
 * it is still under way then. Several points are separated by commas; the first that is reached counts.
 */
export function faultFrom(
  env: NodeJS.ProcessEnv,
): ((operation: string, step: string, point: string, n: number) => void) | undefined {
  const wanted = env['ONSTEAD_FAULT']?.split(',');
  if (wanted === undefined) return undefined;
  let disarm = (): void => {};
  return (_operation, step, point, n) => {
    disarm(); // whatever is reached next, the effect before it is over
    const place = `${n}/${step}:${point}`;
    const found = wanted.find((one) => one.split('+')[0] === place);
    if (found === undefined) return;
    if (point === 'during') disarm = armed(found);
    else die(found);
  };
}

function armed(place: string): () => void {
  const delayMs = /\+(\d+)ms$/.exec(place)?.[1];
  if (delayMs === undefined) {
    const turn = setImmediate(die, place);
    return () => clearImmediate(turn);
  }
  const timer = setTimeout(die, Number(delayMs), place);
  return () => clearTimeout(timer);
}

function die(place: string): void {
  writeSync(2, `${faultMark}${place}\n`);
  process.kill(process.pid, 'SIGKILL');
}

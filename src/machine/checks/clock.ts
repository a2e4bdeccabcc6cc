// Can the clock be right? Nobody here knows the time; but some things have certainly happened already.

import type { ClockFacts, OsFacts } from '../facts.ts';
import { fail, forFamily, pass, unknown, warn, type Finding } from './check.ts';

const DAY_MS = 24 * 3600 * 1000;
/** Clocks of build machines and time zones of file systems may differ by this much. */
const TOLERANCE_MS = DAY_MS;
/** An appliance sees a bundle a quarter; one far older than this is unlikely, one of years is absurd. */
const SUSPICIOUS_MS = 300 * DAY_MS;
const ABSURD_MS = 5 * 365 * DAY_MS;
const HARDWARE_DIFFERENCE_SECONDS = 300;

export function judgeClock(clock: ClockFacts, releaseDate?: Date): Finding {
  const now = Date.parse(clock.now);
  const release = releaseDate && { what: 'the build of the release', at: releaseDate.toISOString() };
  const known = [...clock.evidence, ...(release ? [release] : [])].filter(
    (one) => !Number.isNaN(Date.parse(one.at)),
  );
  if (Number.isNaN(now)) return unknown(`"${clock.now}" is not a time.`);
  const newest = known.toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at))[0];
  if (newest === undefined) return unknown('Nothing here tells what the time cannot be.');
  const ahead = now - Date.parse(newest.at);
  const found = `${clock.now}, ${days(Math.abs(ahead))} ${ahead < 0 ? 'before' : 'after'} ${newest.what}`;
  if (ahead < -TOLERANCE_MS) {
    // A file from a time when the clock was wrong outlives the mistake; a release does not come from the future.
    const fix = 'Nothing, if `date` is right: the file was written while the clock was ahead.';
    return clock.synchronized === true && newest !== release ? warn(found, { fix }) : fail(found);
  }
  if (clock.synchronized === true) return pass(found);
  if (ahead > ABSURD_MS) return fail(found);
  return ahead > SUSPICIOUS_MS
    ? warn(`${found}, and no time service vouches for it`)
    : judgeHardware(clock, found);
}

function judgeHardware(clock: ClockFacts, found: string): Finding {
  const offset = clock.hardwareClockOffsetSeconds;
  // A hardware clock that is kept in local time differs by whole quarters of an hour.
  if (offset === null || isZoneOffset(offset) || Math.abs(offset) <= HARDWARE_DIFFERENCE_SECONDS)
    return pass(found);
  return warn(`${found}, and ${Math.abs(offset)} s away from the hardware clock`, {
    fix: 'Find out which is right with `date` and `hwclock --show`, then `hwclock --systohc` or `hwclock --hctosys`.',
  });
}

function isZoneOffset(seconds: number): boolean {
  const rest = Math.abs(seconds) % 900;
  return Math.abs(seconds) <= 14 * 3600 + 60 && Math.min(rest, 900 - rest) <= 60;
}

function days(ms: number): string {
  const count = Math.floor(ms / DAY_MS);
  return count === 1 ? '1 day' : `${count} days`;
}

export function judgeSynchronization(clock: ClockFacts, os: OsFacts | undefined): Finding {
  const start =
    os?.systemd === false
      ? 'then start chronyd'
      : forFamily(os, 'systemctl enable --now chrony', 'systemctl enable --now chronyd');
  const fix = `${forFamily(os, 'apt-get install -y chrony', 'dnf install -y chrony')}; ${start}`;
  if (clock.synchronized === true) return pass(`kept right by ${clock.by ?? 'a time service'}`);
  if (clock.synchronized === false)
    return warn(`${clock.by ?? 'the time service'} says: not synchronized`, { fix });
  return unknown('No time service was found that says whether the clock is right.', fix);
}

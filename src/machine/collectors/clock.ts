// Whether the clock can be right: who sets it, and what certainly happened before now.

import { stat } from 'node:fs/promises';
import type { ClockFacts } from '../facts.ts';
import { parseFields, parseNumber } from '../parse/proc.ts';
import type { Source } from '../source.ts';
import type { Collector } from './context.ts';

/** Files that package managers touch, and this program itself: none can be younger than now. */
const WITNESSES = [
  ['the last change of installed packages', '/var/lib/dpkg/status'],
  ['the last change of installed packages', '/var/lib/rpm/rpmdb.sqlite'],
  ['the operating system', '/usr/lib/os-release'],
] as const;

export const collectClock: Collector<'clock'> = async (source) => {
  const now = new Date();
  const rtc = parseNumber(await source.text('/sys/class/rtc/rtc0/since_epoch'));
  return {
    now: now.toISOString(),
    ...(await synchronizationOf(source)),
    evidence: await evidenceOf(source),
    hardwareClockOffsetSeconds: rtc === null ? null : rtc - Math.floor(now.getTime() / 1000),
  };
};

async function evidenceOf(source: Source): Promise<ClockFacts['evidence']> {
  const own = ['this program', import.meta.filename] as const;
  const paths = [own, ...WITNESSES.map(([what, path]) => [what, source.at(path)] as const)];
  const found = await Promise.all(
    paths.map(async ([what, path]) => {
      const at = await stat(path).catch(() => undefined);
      return at === undefined ? [] : [{ what, at: at.mtime.toISOString() }];
    }),
  );
  return found.flat();
}

async function synchronizationOf(source: Source): Promise<Pick<ClockFacts, 'synchronized' | 'by'>> {
  if (await source.exists('/run/systemd/timesync/synchronized')) {
    return { synchronized: true, by: 'systemd-timesyncd' };
  }
  const chrony = await source.command('chronyc', ['-n', 'tracking']);
  if (chrony?.code === 0) return { synchronized: isChronySynchronized(chrony.stdout), by: 'chrony' };
  if (await source.exists('/run/systemd/system')) {
    const said = await source.command('timedatectl', ['show']);
    const answer = parseFields(said?.stdout ?? '', '=').get('NTPSynchronized');
    if (answer === 'yes' || answer === 'no') return { synchronized: answer === 'yes', by: 'timedatectl' };
  }
  return { synchronized: null, by: null };
}

export function isChronySynchronized(tracking: string): boolean | null {
  const leap = parseFields(tracking).get('Leap status');
  return leap === undefined ? null : leap !== 'Not synchronised';
}

// A time as people write it, on the clock of a time zone: also in the nights when that clock jumps. Pure, but reads
// zones through Intl: whoever idles lets a child ask it.

import { OnsteadError } from './errors.ts';

export interface WallTime {
  readonly at: Date;
  /** `2026-11-22 02:30`, on the clock of the zone. */
  readonly wall: string;
  readonly zone: string;
  /** The clock shows this time twice that night, and the first is meant. */
  readonly isTwice: boolean;
}

const TIME = /^(?:(\d{4})-(\d\d)-(\d\d)[ T])?(\d{1,2}):(\d\d)$/;
const DAY_MS = 86_400_000;
const FARTHEST_MS = 366 * DAY_MS;

/** `02:30` is the next one to come; `2026-11-22 02:30` is that one. */
export function parseWallTime(text: string, now: Date, zone: string): WallTime {
  const match = TIME.exec(text.trim());
  if (match === null) throw notATime(text);
  const [, year, month, day, hour, minute] = match;
  const clock = { hour: Number(hour), minute: Number(minute) };
  if (clock.hour > 23 || clock.minute > 59) throw notATime(text);
  if (year !== undefined) {
    const date = { year: Number(year), month: Number(month), day: Number(day) };
    if (!isDate(date)) throw notATime(text);
    return checked(momentsOf({ ...date, ...clock }, zone), { ...date, ...clock }, now, zone);
  }
  const today = wallOf(now, zone);
  for (const days of [0, 1]) {
    const noon = new Date(Date.UTC(today.year, today.month - 1, today.day + days, 12));
    const wall = {
      ...{ year: noon.getUTCFullYear(), month: noon.getUTCMonth() + 1, day: noon.getUTCDate() },
      ...clock,
    };
    const moments = momentsOf(wall, zone);
    const isToCome =
      moments.length === 0 ? Date.UTC(...fieldsOf(wall)) > naive(today) : moments.at(-1)! > now;
    if (isToCome) return checked(moments, wall, now, zone);
  }
  throw notATime(text); // a day never ends before its own clock times
}

interface Wall {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

function checked(moments: readonly Date[], wall: Wall, now: Date, zone: string): WallTime {
  const words = inWords(wall);
  if (moments.length === 0) {
    throw new OnsteadError(
      'usage.time',
      `The clock does not show ${words} in ${zone}: it goes forward over it that night.`,
      {
        next: 'Give a time before or after that.',
      },
    );
  }
  const at = moments.find((one) => one > now);
  if (at === undefined) {
    throw new OnsteadError(
      'usage.time',
      `${words} (${zone}) is past: the clock shows ${inWords(wallOf(now, zone))}.`,
      {
        next: 'Give a time to come, such as --at 02:30 for the coming night.',
      },
    );
  }
  if (at.getTime() - now.getTime() > FARTHEST_MS) {
    throw new OnsteadError('usage.time', `${words} is more than a year away.`, {
      next: 'Give a nearer time.',
    });
  }
  return { at, wall: words, zone, isTwice: moments.length > 1 && at === moments[0] };
}

/** The moments at which the clock shows this: none where it jumps over it, two where it is put back. */
function momentsOf(wall: Wall, zone: string): Date[] {
  const guess = naive(wall);
  const offsets = [guess - DAY_MS, guess + DAY_MS].map((ms) => offsetMs(new Date(ms), zone));
  return [...new Set(offsets)]
    .map((offset) => new Date(guess - offset))
    .filter((moment) => naive(wallOf(moment, zone)) === guess)
    .toSorted((left, right) => left.getTime() - right.getTime());
}

function offsetMs(moment: Date, zone: string): number {
  return naive(wallOf(moment, zone)) - Math.floor(moment.getTime() / 60_000) * 60_000;
}

function wallOf(moment: Date, zone: string): Wall {
  const parts = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone: zone, hourCycle: 'h23', calendar: 'gregory' },
    ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' },
  }).formatToParts(moment);
  const part = (type: string): number => Number(parts.find((one) => one.type === type)?.value);
  return {
    ...{ year: part('year'), month: part('month'), day: part('day') },
    ...{ hour: part('hour'), minute: part('minute') },
  };
}

/** As if the clock were that of UTC: to compare times on one clock. */
function naive(wall: Wall): number {
  return Date.UTC(...fieldsOf(wall));
}

function fieldsOf({ year, month, day, hour, minute }: Wall): [number, number, number, number, number] {
  return [year, month - 1, day, hour, minute];
}

function isDate({ year, month, day }: Pick<Wall, 'year' | 'month' | 'day'>): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function inWords({ year, month, day, hour, minute }: Wall): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}`;
}

function notATime(text: string): OnsteadError {
  return new OnsteadError('usage.time', `"${text}" is not a time.`, {
    next: 'Write it as 02:30, or as "2026-11-22 02:30".',
  });
}

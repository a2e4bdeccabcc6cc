// Bytes and durations between people and numbers. Sizes are binary: 1G means 1024³, as Compose reads it.

import { OnsteadError } from './errors.ts';

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
export const TIB = 1024 * GIB;

const SIZE = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i;
const FACTOR: Record<string, number> = { '': 1, k: KIB, m: MIB, g: GIB, t: TIB, p: 1024 * TIB };

/** `16G`, `512 MiB`, `1.5g`, `4096` → bytes. */
export function parseBytes(text: string): number {
  const match = SIZE.exec(text.trim());
  if (match === null) {
    throw new OnsteadError('usage.size', `"${text}" is not a size.`, {
      next: 'Write a number and a unit, for example 512M, 16G or 2T.',
    });
  }
  return Math.round(Number(match[1]) * (FACTOR[match[2]!.toLowerCase()] ?? 1));
}

export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '?';
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || Math.abs(value) >= 100 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${units[unit]}`;
}

const DURATION = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** `30s`, `5m`, `1h30m`, `250ms` → milliseconds. */
export function parseDuration(text: string): number {
  const match = DURATION.exec(text.trim());
  if (match === null || text.trim() === '') {
    throw new OnsteadError('usage.duration', `"${text}" is not a duration.`, {
      next: 'Write numbers with units, for example 30s, 5m or 1h30m.',
    });
  }
  const [days, hours, minutes, seconds, ms] = match.slice(1).map((part) => Number(part ?? 0));
  return (((days! * 24 + hours!) * 60 + minutes!) * 60 + seconds!) * 1000 + ms!;
}

export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return inTwo([minutes, 'min'], [whole % 60, 's']);
  return inTwo([Math.floor(minutes / 60), 'h'], [minutes % 60, 'min']);
}

type Part = readonly [amount: number, unit: string];

function inTwo(large: Part, small: Part): string {
  return (small[0] === 0 ? [large] : [large, small]).map((part) => part.join(' ')).join(' ');
}

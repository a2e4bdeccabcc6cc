// A number is never written down without its reason: `put` is the only way into a plan.

import type { Reason, Unit, Value } from './schema.ts';

export interface Sheet {
  readonly service: string;
  readonly reasons: Reason[];
}

export function put<V extends Value>(sheet: Sheet, key: string, value: V, unit: Unit, why: string): V {
  sheet.reasons.push({ service: sheet.service, key, value, unit, why });
  return value;
}

/** The settings of one service, each put on the sheet. */
export function putAll(
  sheet: Sheet,
  rows: readonly (readonly [key: string, value: Value, unit: Unit, why: string])[],
): Record<string, Value> {
  const settings: Record<string, Value> = {};
  for (const [key, value, unit, why] of rows) settings[key] = put(sheet, key, value, unit, why);
  return settings;
}

export function percent(part: number, whole: number): string {
  const value = whole === 0 ? 0 : (100 * part) / whole;
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} %`;
}

/** `1 CPU`, `2.5 CPUs`. */
export function cpuWords(cpus: number): string {
  return `${Math.round(cpus * 1000) / 1000} ${cpus === 1 ? 'CPU' : 'CPUs'}`;
}

export function floorTo(value: number, step: number): number {
  return value - (value % step);
}

export function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

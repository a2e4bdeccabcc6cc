// What a run prints: live lines, the table, and the last line that people and scripts read.

import type { RingResult } from './ring-run.ts';
import type { TestOutcome } from './tap-tally.ts';

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface NotRun {
  readonly ring: string;
  readonly why: string;
}

export function totalsOf(results: readonly RingResult[], further: number): Totals {
  const sum = (pick: (result: RingResult) => number): number =>
    results.reduce((total, each) => total + pick(each), 0);
  return {
    passed: sum((each) => each.passed),
    failed: sum((each) => each.failed) + further,
    skipped: sum((each) => each.skipped),
  };
}

export function countLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

export function titleOf(test: TestOutcome): string {
  return [test.file, ...test.path].join(' › ');
}

export function secondsText(seconds: number): string {
  return seconds < 60
    ? `${seconds.toFixed(1)} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export function tableOf(results: readonly RingResult[]): string[] {
  const head = ['ring', 'tests', 'failed', 'skipped', 'seconds', 'slowest file'];
  const rows = results.map((each) => [
    each.ring,
    String(each.passed + each.failed + each.skipped),
    String(each.failed),
    String(each.skipped),
    each.seconds.toFixed(1),
    each.slowest === undefined
      ? '-'
      : `${each.slowest.file} (${secondsText(each.slowest.milliseconds / 1000)})`,
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) =>
        isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
}

function isNumber(column: number): boolean {
  return column >= 1 && column <= 4;
}

export function slowestRingLine(results: readonly RingResult[]): string | undefined {
  const slowest = results.toSorted((a, b) => b.seconds - a.seconds)[0];
  return slowest && `Slowest ring: ${slowest.ring}, ${secondsText(slowest.seconds)}.`;
}

export function notRunLines(notRun: readonly NotRun[]): string[] {
  const reasons = new Map<string, string[]>();
  for (const { ring, why } of notRun) reasons.set(why, [...(reasons.get(why) ?? []), ring]);
  return [...reasons].map(([why, rings]) => `Not run: ${rings.join(', ')}. ${why}`);
}

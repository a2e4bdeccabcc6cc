// What a process holds and burns right now, as the kernel counts it.

import { readFile } from 'node:fs/promises';
import { cpuSecondsOf } from './child-cost.ts';

export interface ProcessLook {
  /** Every page that the process has mapped and that is in memory (VmRSS). */
  readonly rssBytes: number;
  /** The same, with pages that n processes share counted as one n-th. */
  readonly pssBytes: number;
  /** Pages that no other process has mapped. */
  readonly privateBytes: number;
  readonly cpuSeconds: number;
}

export async function lookAtProcess(pid: number): Promise<ProcessLook> {
  const [status, rollup, stat] = await Promise.all(
    ['status', 'smaps_rollup', 'stat'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')),
  );
  return {
    rssBytes: kilobytes(status!, 'VmRSS'),
    pssBytes: kilobytes(rollup!, 'Pss'),
    privateBytes: kilobytes(rollup!, 'Private_Clean') + kilobytes(rollup!, 'Private_Dirty'),
    cpuSeconds: cpuSecondsOf(stat!),
  };
}

function kilobytes(text: string, key: string): number {
  const found = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
  if (found === undefined) throw new Error(`The kernel says nothing of ${key}.`);
  return Number(found) * 1024;
}

// A time as people write it, on the clock of this machine. A child reads it and ends: zones are read through Intl, whose
// data is 7 MB of resident memory that an idle daemon would keep.

import type { WallTime } from './wall-time.ts';
import { askWorker } from './worker.ts';

export type MachineTime = Omit<WallTime, 'at'> & { readonly at: string };

export function readMachineTime(text: string, now: Date, signal: AbortSignal): Promise<MachineTime> {
  const question = { text, nowMs: now.getTime() };
  return askWorker<object, MachineTime>(import.meta.url, './workers/wall-time-worker', question, { signal });
}

// Work at the times of a cron expression. node-cron says when, in a child that ends: it reads clocks through Intl,
// whose data is 7 MB of resident memory that an idle daemon would keep.

import type { Clock } from './clock.ts';
import { askWorker } from './worker.ts';

export interface ScheduleOptions {
  readonly expression: string;
  readonly work: () => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly askNext?: (expression: string, signal: AbortSignal) => Promise<Date | undefined>;
}

/** A clock that was set, or a machine that slept, is noticed after so long. */
const LOOK_AGAIN_MS = 10 * 60_000;
const AFTER_TROUBLE_MS = 60 * 60_000;

/** Resolves when the signal ends it, and with it the work under way. */
export async function schedule(options: ScheduleOptions): Promise<void> {
  const { expression, work, onTrouble, clock, signal, askNext = askWorkerForNext } = options;
  while (!signal.aborted) {
    try {
      const next = await askNext(expression, signal);
      if (next === undefined) return; // it never comes round
      await sleepUntil(next, clock, signal);
      if (!signal.aborted) await work();
    } catch (error) {
      if (signal.aborted) return;
      onTrouble(error);
      await clock.sleep(AFTER_TROUBLE_MS, signal).catch(() => {});
    }
  }
}

async function sleepUntil(time: Date, clock: Clock, signal: AbortSignal): Promise<void> {
  for (;;) {
    const leftMs = time.getTime() - clock.now().getTime();
    if (leftMs <= 0) return;
    await clock.sleep(Math.min(leftMs, LOOK_AGAIN_MS), signal);
  }
}

async function askWorkerForNext(expression: string, signal: AbortSignal): Promise<Date | undefined> {
  const question = { expression };
  const next = await askWorker<object, string | null>(
    import.meta.url,
    './workers/next-run-worker',
    question,
    { signal },
  );
  return next === null ? undefined : new Date(next);
}

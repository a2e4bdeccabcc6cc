// Work at the times of a cron expression, with a clock in the test's hand.

import t from 'tap';
import type { Clock } from '../../../src/base/clock.ts';
import { schedule } from '../../../src/base/schedule.ts';

const MINUTE_MS = 60_000;

/** Time passes as far as somebody sleeps, and at once. */
function fastClock(start: string): Clock & { readonly slept: number[] } {
  let nowMs = Date.parse(start);
  const slept: number[] = [];
  return {
    slept,
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      slept.push(ms);
      nowMs += ms;
    },
  };
}

const everyHour = (clock: Clock) => async () =>
  new Date((Math.floor(clock.now().getTime() / (60 * MINUTE_MS)) + 1) * 60 * MINUTE_MS);

t.test('work is done at each time and never before, until it is ended', async (t) => {
  const clock = fastClock('2026-11-20T00:30:00Z');
  const over = new AbortController();
  const times: string[] = [];
  await schedule({
    expression: 'ignored',
    clock,
    signal: over.signal,
    askNext: everyHour(clock),
    onTrouble: (error) => t.fail(String(error)),
    work: async () => {
      times.push(clock.now().toISOString());
      if (times.length === 3) over.abort();
    },
  });
  t.strictSame(times, ['2026-11-20T01:00:00.000Z', '2026-11-20T02:00:00.000Z', '2026-11-20T03:00:00.000Z']);
  t.ok(Math.max(...clock.slept) <= 10 * MINUTE_MS, 'it looks at the clock now and then');
});

t.test('trouble is told, and an hour later it goes on', async (t) => {
  const clock = fastClock('2026-11-20T00:30:00Z');
  const over = new AbortController();
  const trouble: unknown[] = [];
  let asked = 0;
  await schedule({
    expression: 'ignored',
    clock,
    signal: over.signal,
    askNext: async () => {
      asked += 1;
      if (asked === 1) throw new Error('no child could be started');
      return clock.now();
    },
    onTrouble: (error) => trouble.push(error),
    work: async () => {
      if (asked === 2) throw new Error('the work failed');
      over.abort();
    },
  });
  t.match(trouble, [{ message: 'no child could be started' }, { message: 'the work failed' }]);
  t.equal(clock.now().toISOString(), '2026-11-20T02:30:00.000Z');
});

t.test('the times are those of node-cron, on the local clock', async (t) => {
  const over = new AbortController();
  const slept: number[] = [];
  const start = new Date();
  const clock: Clock = {
    now: () => start,
    monotonicMs: () => 0,
    sleep: async (ms) => {
      slept.push(ms);
      over.abort();
      throw new Error('ended');
    },
  };
  await schedule({
    expression: '* * * * *',
    clock,
    signal: over.signal,
    onTrouble: (error) => t.fail(String(error)),
    work: async () => {},
  });
  t.equal(slept.length, 1);
  t.ok(slept[0]! > 0 && slept[0]! <= 2 * MINUTE_MS, `the next minute is ${slept[0]} ms away`);
});

t.test('an expression that is none is trouble, not a time', async (t) => {
  const over = new AbortController();
  const trouble: unknown[] = [];
  const clock = { ...fastClock('2026-11-20T00:30:00Z'), sleep: async () => over.abort() };
  await schedule({
    expression: 'at night',
    clock,
    signal: over.signal,
    onTrouble: (error) => trouble.push(error),
    work: async () => void t.fail('it ran'),
  });
  t.equal(trouble.length, 1);
});

// Real processes, really killed: before, during and after every step and every undo, the end is the same as without.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { attemptLimit } from '../../../src/journal/index.ts';

const child = join(import.meta.dirname, 'fixtures/crash-child.ts');
/** Dozens of processes load the same modules. */
const cache = await mkdtemp(join(tmpdir(), 'onstead-crash-cache-'));
t.teardown(() => rm(cache, { recursive: true, force: true }));
const COUNT = 3;
const STEPS = Array.from({ length: COUNT }, (_, at) => `step-${at + 1}`);
const LAST = STEPS.at(-1)!;
const POINTS = ['before', 'during', 'after'] as const;
const RESTARTS = 20;

interface End {
  readonly kills: number;
  readonly state: string;
  readonly steps: readonly string[];
  readonly effects: readonly string[];
}

/** Starts the child until one is not killed any more. */
async function runUntilSettled(failing: string, killAt: string, often: 'once' | 'always'): Promise<End> {
  const folder = await mkdtemp(join(tmpdir(), 'onstead-crash-'));
  try {
    for (let kills = 0; kills < RESTARTS; kills += 1) {
      const one = spawn(process.execPath, [child, folder, String(COUNT), failing, killAt, often], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NODE_COMPILE_CACHE: cache },
      });
      const [printed, said, [code, signal]] = await Promise.all([
        text(one.stdout),
        text(one.stderr),
        once(one, 'exit'),
      ]);
      if (signal === 'SIGKILL') continue;
      if (code !== 0) throw new Error(`the child failed: ${said}`);
      return { kills, ...(JSON.parse(printed) as Omit<End, 'kills'>) };
    }
    throw new Error(`not settled after ${RESTARTS} restarts`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const allEffects = STEPS.flatMap((step) => [`effect-${step}-1`, `effect-${step}-2`]);
const forwards = STEPS.flatMap((step) => POINTS.map((point) => `${step}:${point}`));
const backwards = STEPS.flatMap((step) => POINTS.map((point) => `undo:${step}:${point}`));

async function twoAtATime<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const take = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all([take(), take()]);
}

t.test('an operation that succeeds is done with all effects, wherever it is killed', async (t) => {
  await twoAtATime(forwards, async (killAt) => {
    const end = await runUntilSettled('', killAt, 'once');
    t.strictSame(
      { ...end, effects: end.effects.toSorted() },
      { kills: 1, state: 'done', steps: STEPS.map(() => 'done'), effects: allEffects },
      killAt,
    );
  });
});

t.test('an operation that fails is rolled back with no effect, wherever it is killed', async (t) => {
  // The step that fails has no moment after its effect.
  const reached = [...forwards.filter((point) => point !== `${LAST}:after`), ...backwards];
  await twoAtATime(reached, async (killAt) => {
    const end = await runUntilSettled(LAST, killAt, 'once');
    t.strictSame(
      end,
      { kills: 1, state: 'rolled-back', steps: STEPS.map(() => 'undone'), effects: [] },
      killAt,
    );
  });
});

t.test('a step that kills the process every time is given up and everything is taken back', async (t) => {
  await twoAtATime(['step-2:before', 'step-2:during'], async (killAt) => {
    const end = await runUntilSettled('', killAt, 'always');
    t.strictSame(
      end,
      { kills: attemptLimit, state: 'rolled-back', steps: ['undone', 'undone', 'pending'], effects: [] },
      killAt,
    );
  });
});

t.test('an undo that kills the process every time ends stuck, with the rest untouched', async (t) => {
  const end = await runUntilSettled(LAST, 'undo:step-2:before', 'always');
  t.match(end, { kills: attemptLimit, state: 'stuck', steps: ['done', 'undoing', 'undone'] });
  t.strictSame(end.effects.toSorted(), allEffects.slice(0, 4));
});

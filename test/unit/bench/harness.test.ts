// The harness over benchmarks made for the purpose: what is printed where, and the exit code.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Check } from 'typebox/value';
import type { Bench } from '../../bench/bench.ts';
import { costOf, cpuSecondsOf, runChild } from '../../bench/child-cost.ts';
import { createContext } from '../../bench/context.ts';
import { findBenches, parseWanted, runHarness, type Wanted } from '../../bench/harness.ts';
import { MetricSchema } from '../../bench/metric.ts';
import type { Readiness } from '../../runner/setup.ts';

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../bench');

function benchThat(run: Bench['run'], needs: Bench['needs'] = []): Bench {
  return { name: 'trial', proves: 'The trial holds.', needs, runs: 3, run };
}

async function harness(bench: Bench, args: readonly string[], readiness: Readiness = { state: 'ready' }) {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const code = await runHarness(
    {
      root: folder,
      readyForEngine: async () => readiness,
      out: (line) => stdout.push(line),
      err: (line) => stderr.push(line),
    },
    [bench],
    parseWanted(args) as Wanted,
  );
  return { code, stdout, stderr: stderr.join('\n') };
}

const emitting = (value: number): Bench =>
  benchThat(async ({ emit, runs }) =>
    emit({ metric: 'm', value, unit: 's', goal: { of: 'value', is: '<', than: 1 }, runs }),
  );

t.test('without a name the benchmarks are listed with what they prove', async (t) => {
  t.match(await harness(emitting(0), []), { code: 0, stdout: ['trial  The trial holds.'] });
});

t.test('stdout holds JSON lines alone, and a met goal is exit code 0', async (t) => {
  const run = await harness(emitting(0.5), ['trial']);
  t.equal(run.code, 0);
  t.equal(run.stdout.length, 1);
  t.ok(Check(MetricSchema, JSON.parse(run.stdout[0]!)));
  t.match(run.stderr, /The trial holds/);
});

t.test('a missed goal is exit code 1, and says what was missed', async (t) => {
  const run = await harness(emitting(1), ['trial', '--json-only']);
  t.match(run, { code: 1, stderr: 'goal missed: m is 1 s; the goal is value < 1 s' });
});

t.test('a benchmark that fails or measures nothing is exit code 1', async (t) => {
  const fails = benchThat(async () => {
    throw new Error('no disk');
  });
  t.match(await harness(fails, ['trial']), { code: 1, stderr: /trial failed: .*no disk/ });
  t.match(
    await harness(
      benchThat(async () => {}),
      ['trial'],
    ),
    { code: 1, stderr: /measured nothing/ },
  );
});

t.test('--runs reaches the benchmark, otherwise its own number does', async (t) => {
  const seen: number[] = [];
  const bench = benchThat(async ({ runs }) => void seen.push(runs));
  await harness(bench, ['trial', '--runs', '9']);
  await harness(bench, ['trial']);
  t.strictSame(seen, [9, 3]);
});

t.test('wrong words are refused with a sentence', async (t) => {
  t.match(parseWanted(['a', '--runs', '0']), /whole number/);
  t.match(parseWanted(['a', '--runs']), /whole number/);
  t.match(parseWanted(['--fast']), /no option/);
  t.match(parseWanted(['a', 'b']), /One benchmark at a time/);
  t.match(await harness(emitting(0), ['other']), {
    code: 2,
    stderr: /no benchmark "other"; there are: trial/,
  });
});

t.test('a benchmark that needs an engine does not run without one', async (t) => {
  let ran = false;
  const bench = benchThat(async () => void (ran = true), ['engine']);
  const noEngine = await harness(bench, ['trial'], { state: 'no-engine', why: 'not root' });
  t.match(noEngine, { code: 3, stderr: /not root/ });
  t.match(await harness(bench, ['trial'], { state: 'failed', why: 'no disk' }), {
    code: 1,
    stderr: /no disk/,
  });
  t.equal(ran, false);
});

t.test('the scratch folder is gone afterwards', async (t) => {
  let scratch = '';
  await harness(
    benchThat(async (context) => void (scratch = context.scratch)),
    ['trial'],
  );
  t.not(scratch, '');
  t.notOk(existsSync(scratch));
});

t.test('every benchmark in the folder is named as its file and proves something', async (t) => {
  const benches = await findBenches(folder);
  t.ok(benches.length > 0);
  for (const bench of benches) t.match(bench.proves, /^[A-Z0-9].+\.$/, bench.name);
});

function contextOf(order: string[], nowMs?: () => number) {
  const parts = { root: folder, scratch: folder, runs: 3, onMetric: () => {}, progress: () => {} };
  const context = createContext(emitting(0), { ...parts, ...(nowMs === undefined ? {} : { nowMs }) });
  const work = (name: string, seconds: readonly number[]) => {
    let turn = 0;
    return () => {
      order.push(name);
      return seconds[turn++]!;
    };
  };
  return { context, work };
}

t.test('a pair is measured in turns, the warm-up does not count, the ratio is of neighbours', async (t) => {
  const order: string[] = [];
  const { context, work } = contextOf(order);
  const pair = await context.pair(['a', work('a', [99, 2, 4, 6])], ['b', work('b', [99, 1, 1, 2])]);
  t.equal(order.join(''), 'abababab');
  t.match(pair, { a: { median: 4 }, b: { median: 1 }, ratio: { median: 3, min: 2, max: 4, runs: 3 } });
});

t.test('work that returns nothing is measured by the clock', async (t) => {
  let now = 0;
  const { context } = contextOf([], () => now);
  const sample = await context.measure('x', () => void (now += 250), { runs: 2, warmUps: 0 });
  t.strictSame(sample.values, [0.25, 0.25]);
});

t.test('the cost of a child is its own: memory it touched, CPU time it burned', async (t) => {
  const script = `const big = Buffer.alloc(150e6, 1); const end = Date.now() + 300; while (Date.now() < end); big[0]`;
  const cost = await runChild(process.execPath, ['-e', script]);
  t.equal(cost.code, 0);
  t.ok(cost.peakRssBytes > 150e6, `${cost.peakRssBytes} bytes`);
  t.ok(cost.cpuSeconds > 0.1, `${cost.cpuSeconds} s`);
  t.ok(cost.seconds >= 0.3);
});

t.test('a process that is gone has no cost', async (t) => {
  t.equal(await costOf(2 ** 30), undefined);
});

t.test('CPU time is read right behind any name a command may have', async (t) => {
  const numbers = Array.from({ length: 30 }, (_, index) => index + 3);
  t.equal(cpuSecondsOf(`1 (a) b (c) S ${numbers.slice(1).join(' ')}`), (14 + 15) / 100);
});

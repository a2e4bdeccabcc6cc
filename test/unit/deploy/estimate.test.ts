// How long a plan takes: as measured on this machine, as the settings say, or an assumption that is called one.

import t from 'tap';
import type { StepDuration } from '../../../src/journal/index.ts';
import { estimateSteps, median } from '../../../src/deploy/upgrade/preview/estimate.ts';
import { openJournal, operationOf, runnerOn } from '../journal/lab.ts';

const step = (type: string, input: object = {}) => ({ type, title: type, input });
const took = (type: string, ms: number, input: object = {}): StepDuration => ({ type, ms, input });

t.test('the median of the same kind of step counts, of the newest ones', async (t) => {
  const history = [100, 300, 200].map((ms) => took('migrate', ms));
  t.strictSame(estimateSteps([step('migrate')], history), [{ ms: 200, from: 'measured' }]);
  const old = Array.from({ length: 50 }, () => took('migrate', 90_000));
  const newest = Array.from({ length: 9 }, () => took('migrate', 100));
  t.strictSame(estimateSteps([step('migrate')], [...newest, ...old]), [{ ms: 100, from: 'measured' }]);
  t.equal(median([]), undefined);
});

t.test('what was never done here is assumed, and said to be', async (t) => {
  t.match(estimateSteps([step('exchange')], [took('migrate', 1)]), [{ from: 'assumed' }]);
});

t.test('a gate lasts as long as the settings say, whatever was measured', async (t) => {
  const history = [took('judge', 1), took('keep-warm', 1)];
  t.strictSame(
    estimateSteps([step('judge', { soakMs: 30_000 }), step('keep-warm', { keepWarmMs: 60_000 })], history),
    [
      { ms: 30_000, from: 'fixed' },
      { ms: 60_000, from: 'fixed' },
    ],
  );
});

t.test(
  'images take their time by bytes: an installation of all of them says little of a delta',
  async (t) => {
    const history = [took('load-images', 10_000, { bytes: 1_000_000_000 })];
    const [delta, full] = estimateSteps(
      [step('load-images', { bytes: 5_000_000 }), step('load-images', { bytes: 2_000_000_000 })],
      history,
    );
    t.match(delta, { from: 'measured' });
    t.ok(delta!.ms < 1_000, `${delta!.ms} ms`);
    t.ok(full!.ms > 20_000 && full!.ms < 21_000, `${full!.ms} ms`);
    t.match(estimateSteps([step('load-images', { bytes: 1 })], [took('load-images', 5)]), [
      { from: 'assumed' },
    ]);
  },
);

t.test('the journal tells the durations of what went through, and of nothing else', async (t) => {
  const lab = await openJournal(t);
  const { journal, clock } = lab;
  const takes = (ms: number) => ({ apply: async () => void clock.advance(ms) });
  const runner = runnerOn(lab, {
    executors: {
      slow: takes(5_000),
      there: { ...takes(1), holds: async () => true },
      fails: { apply: () => Promise.reject(new Error('no')) },
    },
  });
  for (const types of [
    ['slow', 'there'],
    ['slow', 'fails'],
  ]) {
    const { id } = journal.create(operationOf(...types));
    runner.start(id);
    await runner.finished(id);
  }
  t.strictSame(journal.durations(), [{ type: 'slow', input: { type: 'slow' }, ms: 5_000 }]);
});

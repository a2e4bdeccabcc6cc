// How replicas are replaced, by strategy: states that never have fewer replicas than the stack had, and shares that add up.

import t from 'tap';
import { stagesOf, weightsFor, type Sides } from '../../../src/deploy/upgrade/strategy.ts';
import { STRATEGIES } from '../../../src/release/index.ts';

const states = (...args: Parameters<typeof stagesOf>): Sides[] => stagesOf(...args).map(({ to }) => to);

t.test('rolling replaces one after the other', async (t) => {
  t.strictSame(states('rolling', { stale: 3, fresh: 3 }), [
    { fresh: 1, stale: 2, freshShare: null },
    { fresh: 2, stale: 1, freshShare: null },
    { fresh: 3, stale: 0, freshShare: null },
  ]);
});

t.test(
  'blue-green starts all of the new beside all of the old, switches at once, and keeps the old for a while',
  async (t) => {
    t.strictSame(stagesOf('blue-green', { stale: 2, fresh: 2 }), [
      { to: { fresh: 2, stale: 2, freshShare: 0 }, isJudged: false },
      { to: { fresh: 2, stale: 2, freshShare: 100 }, isJudged: true },
      { to: { fresh: 2, stale: 0, freshShare: null }, isJudged: false },
    ]);
  },
);

t.test(
  'canary lets 5, 25, 50 and 100 % of the requests meet the new, each judged before the next',
  async (t) => {
    t.strictSame(stagesOf('canary', { stale: 4, fresh: 4 }), [
      { to: { fresh: 1, stale: 4, freshShare: 5 }, isJudged: true },
      { to: { fresh: 1, stale: 4, freshShare: 25 }, isJudged: true },
      { to: { fresh: 2, stale: 4, freshShare: 50 }, isJudged: true },
      { to: { fresh: 4, stale: 4, freshShare: 100 }, isJudged: true },
      { to: { fresh: 4, stale: 0, freshShare: null }, isJudged: false },
    ]);
  },
);

t.test(
  'whatever the counts: it ends with the new alone, judged, and never with fewer replicas than the lesser side',
  async (t) => {
    for (const strategy of STRATEGIES) {
      for (let stale = 1; stale <= 5; stale += 1) {
        for (let fresh = 1; fresh <= 5; fresh += 1) {
          const stages = stagesOf(strategy, { stale, fresh });
          const name = `${strategy} ${stale} to ${fresh}`;
          t.match(stages.at(-1)?.to, { fresh, stale: 0 }, name);
          for (const { to } of stages) t.ok(to.fresh + to.stale >= Math.min(stale, fresh), name);
          const allNew = stages.findIndex(({ to }) => to.freshShare === 100 || to.stale === 0);
          t.ok(
            stages.slice(allNew).some(({ isJudged }) => isJudged),
            `${name}: judged once only the new answer`,
          );
        }
      }
    }
  },
);

t.test('weights give each side its share, whatever the number of replicas', async (t) => {
  for (const freshShare of [5, 25, 50, 75, 95]) {
    for (const [fresh, stale] of [
      [1, 1],
      [1, 4],
      [3, 7],
    ] as const) {
      const weights = weightsFor({ fresh, stale, freshShare });
      const share = (weights.fresh * fresh * 100) / (weights.fresh * fresh + weights.stale * stale);
      t.ok(Math.abs(share - freshShare) < 1e-9, `${fresh} and ${stale}: ${share} %`);
      t.ok(Number.isInteger(weights.fresh) && Number.isInteger(weights.stale));
    }
  }
  t.strictSame(weightsFor({ fresh: 2, stale: 2, freshShare: 0 }), { fresh: 0, stale: 1 });
  t.strictSame(weightsFor({ fresh: 2, stale: 2, freshShare: 100 }), { fresh: 1, stale: 0 });
  t.strictSame(weightsFor({ fresh: 2, stale: 0, freshShare: null }), { fresh: 1, stale: 1 });
});

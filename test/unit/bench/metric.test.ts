// The line that a metric becomes, and when its goal is met.

import t from 'tap';
import { Check } from 'typebox/value';
import { goalText, isMet, MetricSchema, metricOf } from '../../bench/metric.ts';

t.test('a metric has every key of the format, in its order, whatever was given', async (t) => {
  const keys = ['bench', 'metric', 'value', 'unit', 'baseline', 'ratio', 'goal', 'ok', 'runs', 'note'];
  const least = metricOf('size', { metric: 'time', value: 1, unit: 's', runs: 1 });
  const full = metricOf('size', {
    metric: 'time',
    value: 1.1,
    unit: 's',
    baseline: 1,
    goal: { of: 'ratio', is: '<=', than: 1.2 },
    runs: 5,
    note: 'x',
  });
  for (const metric of [least, full]) {
    t.strictSame(Object.keys(JSON.parse(JSON.stringify(metric))), keys);
    t.ok(Check(MetricSchema, JSON.parse(JSON.stringify(metric))));
  }
  t.match(least, { baseline: null, ratio: null, goal: null, ok: null });
  t.match(full, { ratio: 1.1, goal: 'ratio <= 1.2', ok: true });
});

t.test('the schema refuses what is not a metric', async (t) => {
  const good = metricOf('size', { metric: 'time', value: 1, unit: 's', runs: 1 });
  t.notOk(Check(MetricSchema, { ...good, value: 'fast' }));
  t.notOk(Check(MetricSchema, { ...good, runs: 0 }));
  t.notOk(Check(MetricSchema, { ...good, extra: 1 }));
});

t.test('a goal is judged before rounding, at its border too', async (t) => {
  const atMost = { of: 'ratio', is: '<=', than: 1.2 } as const;
  t.ok(isMet(atMost, 0, 1.2));
  t.notOk(isMet(atMost, 0, 1.200000001));
  t.notOk(isMet({ ...atMost, is: '<' }, 0, 1.2));
  t.ok(isMet({ of: 'value', is: '>=', than: 5 }, 5, undefined));
  t.notOk(isMet({ of: 'value', is: '>', than: 5 }, 5, undefined));
  t.ok(isMet({ of: 'value', is: '=', than: 0 }, 0, undefined));
});

t.test('a goal for a ratio that was not measured is not met', async (t) => {
  t.notOk(isMet({ of: 'ratio', is: '<=', than: 1.2 }, 0, undefined));
  t.notOk(isMet({ of: 'ratio', is: '<=', than: 1.2 }, 0, Number.NaN));
});

t.test('a measured ratio goes before value over baseline', async (t) => {
  t.equal(metricOf('x', { metric: 'm', value: 2, unit: 's', baseline: 1, ratio: 1.9, runs: 1 }).ratio, 1.9);
});

t.test('what is no number is an error, not a line', async (t) => {
  t.throws(() => metricOf('x', { metric: 'm', value: Number.NaN, unit: 's', runs: 1 }), /cannot be NaN/);
  t.throws(() => metricOf('x', { metric: 'm', value: 1, baseline: 0, unit: 's', runs: 1 }), /Infinity/);
});

t.test('a goal reads with its unit', async (t) => {
  t.equal(goalText({ of: 'value', is: '<', than: 200 }, 'MB'), 'value < 200 MB');
  t.equal(goalText({ of: 'ratio', is: '>=', than: 5 }, 's'), 'ratio >= 5');
});

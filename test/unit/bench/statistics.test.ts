// The numbers that benchmarks report.

import t from 'tap';
import { median, quantile, ratiosOf, short, spreadText, summaryOf } from '../../bench/statistics.ts';

t.test('the median is the middle value, or the mean of the two in the middle', async (t) => {
  t.equal(median([5, 1, 3]), 3);
  t.equal(median([4, 1, 3, 2]), 2.5);
  t.equal(median([7]), 7);
  t.equal(median([10, 9, 100]), 10, 'numbers are sorted as numbers');
});

t.test('a quantile between two values is interpolated', async (t) => {
  t.equal(quantile([0, 10], 0.25), 2.5);
  t.equal(quantile([1, 2, 3], 1), 3);
});

t.test('no value at all is a mistake, not a zero', async (t) => {
  t.throws(() => median([]), /No value/);
  t.throws(() => ratiosOf([1], []), /cannot be paired/);
});

t.test('values keep their order when they are summed up', async (t) => {
  const values = [3, 1, 2];
  t.strictSame(summaryOf(values), { median: 2, min: 1, max: 3, runs: 3 });
  t.strictSame(values, [3, 1, 2]);
});

t.test('ratios are of neighbours', async (t) => {
  t.strictSame(ratiosOf([2, 9], [1, 3]), [2, 3]);
});

t.test('a spread reads as a sentence part', async (t) => {
  t.equal(spreadText(summaryOf([1.23456, 2])), '1.235 to 2 over 2 runs');
  t.equal(spreadText(summaryOf([1])), 'one run');
  t.equal(short(0.000123456), '0.0001235');
});

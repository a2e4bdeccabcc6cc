// What is told of requests that waited for a data service: what the edge saw, and where the time went.

import t from 'tap';
import { countStages } from '../../../src/deploy/upgrade/data/stages.ts';
import { waitedWords } from '../../../src/deploy/upgrade/data/waited-words.ts';

const away = { tookMs: 7_400, unheldMs: 0, where: 'ended 3.0 s, made 1.5 s' };

t.test('how many waited and how long is what the edge counted', async (t) => {
  t.equal(
    waitedWords({ waited: 1_234, longestMs: 7_540 }, away),
    'Requests waited for up to 7.5 s (1,234 of them). Where it went: ended 3.0 s, made 1.5 s.',
  );
});

t.test('nobody is said to have waited who did not', async (t) => {
  t.match(waitedWords({ waited: 0, longestMs: 0 }, away), /^No request came in these 7\.4 s\. /);
  t.equal(
    waitedWords({ notHeld: 'no-nginx' }, { ...away, where: '' }),
    'No request waited: nginx does not run. It took 7.4 s.',
  );
  t.match(waitedWords({ notHeld: 'ended' }, away), /did not wait to the end: .* It took 7\.4 s\./);
});

t.test('beyond the limit it is said for how long they were not held', async (t) => {
  t.match(
    waitedWords({ waited: 3, longestMs: 5_010 }, { ...away, unheldMs: 2_400 }),
    'Requests waited for up to 5.0 s (3 of them); then they got what answer there was, for 2.4 s. ',
  );
});

t.test('parts that come twice are added up, and short ones left out', async (t) => {
  let nowMs = 0;
  const stages = countStages({ monotonicMs: () => nowMs });
  for (const [name, tookMs] of [
    ['ended', 2_000],
    ['made', 20],
    ['ended', 500],
  ] as const) {
    nowMs += tookMs;
    stages.over(name);
  }
  t.equal(stages.words(), 'ended 2.5 s');
});

// The judge of new replicas: what turns an upgrade round, and what does not.

import t from 'tap';
import { atLeast, inWords, judge, type GateView } from '../../../src/deploy/upgrade/gate/gate.ts';
import { Tally } from '../../../src/stack/index.ts';

function tally(
  requests: number,
  failed = 0,
  ms = 50,
  slow: { count: number; ms: number } = { count: 0, ms: 0 },
) {
  const all = new Tally();
  for (let n = 0; n < requests; n += 1) {
    all.add({ isFailed: n < failed, ms: n >= requests - slow.count ? slow.ms : ms });
  }
  return all;
}

const well = { name: 'app-3', status: 'running', restarts: 0, isUnhealthy: false, notReady: 0 };
type Change = { people?: Partial<GateView['people']>; own?: Partial<GateView['own']> } & Partial<
  Omit<GateView, 'people' | 'own'>
>;
const viewOf = ({ people, own, ...change }: Change = {}): GateView => ({
  people: { fresh: new Tally(), stale: new Tally(), before: tally(5_000, 5), ...people },
  own: { fresh: new Tally(), before: tally(40), ...own },
  replicas: [well],
  watchedMs: 10_000,
  isOver: false,
  ...change,
});
const messageOf = (change: Change): string | undefined => judge(viewOf(change))?.message;
const codeOf = (change: Change): string | undefined => judge(viewOf(change))?.code;

t.test('nothing seen is nothing wrong, now and at the end', async (t) => {
  t.equal(judge(viewOf()), undefined);
  t.equal(judge(viewOf({ isOver: true })), undefined);
});

t.test('the verdict says what was seen, what was before and what was allowed', async (t) => {
  t.equal(
    messageOf({ people: { fresh: tally(1_204, 63) } }),
    'The new release answers with errors: 5.2 % of 1,204 requests failed (0.1 % before; allowed 1 %).',
  );
});

t.test('every twentieth request failing is clear after some sixty', async (t) => {
  t.equal(codeOf({ people: { fresh: tally(60, 3) } }), 'gate.errors');
});

t.test('one error among three requests is not 33 %', async (t) => {
  for (const isOver of [false, true]) {
    t.equal(codeOf({ isOver, people: { fresh: tally(3, 1) } }), undefined);
    t.equal(codeOf({ isOver, people: { fresh: tally(29, 20) } }), undefined, 'below the floor of requests');
    t.equal(codeOf({ isOver, people: { fresh: tally(40, 2) } }), undefined, 'below the floor of errors');
  }
});

t.test('a release at just under 1 % is let through, however long it is watched', async (t) => {
  for (const requests of [100, 1_000, 10_000, 100_000])
    for (const isOver of [false, true])
      t.equal(
        codeOf({ isOver, people: { fresh: tally(requests, Math.floor(requests * 0.009)) } }),
        undefined,
      );
});

t.test('2 % is not clear among few, and refused among many', async (t) => {
  t.equal(codeOf({ people: { fresh: tally(150, 3) } }), undefined);
  t.equal(codeOf({ people: { fresh: tally(3_000, 60) } }), 'gate.errors');
});

t.test('what was broken before does not fail the upgrade, and half as much again does', async (t) => {
  const before = tally(5_000, 400);
  t.equal(codeOf({ isOver: true, people: { before, fresh: tally(2_000, 170) } }), undefined);
  t.match(
    messageOf({ people: { before, fresh: tally(2_000, 320) } }),
    /16 % of 2,000 requests failed \(8 % before; allowed 12 %\)/,
  );
});

t.test('the old replicas of the same minute are the measure where they have enough requests', async (t) => {
  const stale = tally(1_000, 100);
  t.equal(codeOf({ people: { stale, fresh: tally(1_000, 110) } }), undefined, 'it is not the new release');
  t.match(
    messageOf({ people: { stale: tally(1_000), fresh: tally(1_000, 60) } }),
    /0 % by the old replicas meanwhile/,
  );
  t.match(messageOf({ people: { stale: tally(20, 20), fresh: tally(1_000, 60) } }), /0.1 % before/);
});

t.test('twice as slow as before and over half a second is too slow', async (t) => {
  const fresh = tally(200, 0, 950);
  t.match(
    messageOf({ people: { fresh } }),
    /answers slowly: 95 % of 200 requests took up to \S+ s \(\S+ s before; allowed 0.5 s\)/,
  );
  t.equal(codeOf({ people: { fresh, before: tally(500, 0, 600) } }), undefined, 'it always took so long');
  t.equal(codeOf({ people: { fresh: tally(200, 0, 400) } }), undefined, 'eight times as slow, but quick');
});

t.test('a slow tail under 5 % is let through, and one over 5 % is not', async (t) => {
  t.equal(
    codeOf({ isOver: true, people: { fresh: tally(2_000, 0, 50, { count: 80, ms: 3_000 }) } }),
    undefined,
  );
  t.equal(codeOf({ people: { fresh: tally(2_000, 0, 50, { count: 180, ms: 3_000 }) } }), 'gate.slow');
});

t.test('a replica that just began may be slow for a moment', async (t) => {
  t.equal(codeOf({ watchedMs: 2_000, people: { fresh: tally(200, 0, 950) } }), undefined);
});

t.test('where nobody knows how quick it was before, people’s requests are not called slow', async (t) => {
  t.equal(codeOf({ people: { before: new Tally(), fresh: tally(200, 0, 950) } }), undefined);
});

t.test('without people Onstead’s own requests are judged, by their own floor', async (t) => {
  t.match(
    messageOf({ own: { fresh: tally(60, 4) } }),
    /^The new release answers with errors: 6.7 % of 60 Onstead's own requests failed \(0 % before; allowed 1 %\).$/,
  );
  t.equal(codeOf({ own: { fresh: tally(60, 0, 950) } }), 'gate.slow');
  t.equal(codeOf({ own: { fresh: tally(10, 3) } }), undefined);
  const broken = tally(40, 40);
  t.equal(codeOf({ own: { before: broken, fresh: tally(60, 60) } }), undefined, 'it was broken before');
});

t.test('a replica that does not live on is refused at once, and by name', async (t) => {
  const one = (change: object) => ({ replicas: [well, { ...well, name: 'app-4', ...change }] });
  t.equal(
    messageOf(one({ restarts: 2 })),
    'The new replica app-4 did not live on: it was started again 2 times.',
  );
  t.match(messageOf(one({ status: 'exited' })), /it is exited/);
  t.match(messageOf(one({ status: undefined })), /it is gone/);
  t.match(messageOf(one({ isUnhealthy: true })), /health check fails/);
  t.match(messageOf(one({ notReady: 3 })), /3 answers in a row/);
  t.equal(messageOf(one({ notReady: 2 })), undefined);
});

t.test('the lower end of what few requests can tell comes nearer with more of them', async (t) => {
  const ends = [20, 200, 2_000, 20_000].map((all) => atLeast(all / 20, all, 2.58));
  t.strictSame(
    ends,
    ends.toSorted((one, other) => one - other),
  );
  t.ok(ends.every((end) => end > 0 && end < 0.05));
  t.equal(Math.round(atLeast(0, 50, 2.58) * 1e9), 0);
});

t.test('what was seen fits a line', async (t) => {
  t.equal(inWords(viewOf()), '1 new replica: no request of a client');
  t.match(
    inWords(viewOf({ people: { fresh: tally(1_204, 12) }, own: { fresh: tally(20) } })),
    /^1 new replica: 1,204 requests, 1 % failed, 95 % within 0.05 s; 20 own requests, 0 % failed, 95 % within 0.05 s$/,
  );
});

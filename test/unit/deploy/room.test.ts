// Which strategy replaces a service's replicas: what the machine has no memory for is offered one by one, in words.

import t from 'tap';
import { MIB } from '../../../src/base/units.ts';
import { wayOf, type RoomQuestion } from '../../../src/deploy/upgrade/room.ts';
import { peakBytes, stagesOf } from '../../../src/deploy/upgrade/strategy.ts';
import { STRATEGIES } from '../../../src/release/index.ts';

const each = { fresh: 100 * MIB, stale: 100 * MIB };
const question = (change: Partial<RoomQuestion>): RoomQuestion => ({
  ...{ service: 'app', asked: 'rolling', isChosen: false, replicas: { stale: 3, fresh: 3 }, each },
  ...{ spareBytes: 100 * MIB },
  ...change,
});

t.test('the peak counts what starts before what leaves', async (t) => {
  const replicas = { stale: 3, fresh: 3 };
  t.equal(peakBytes(stagesOf('rolling', replicas), replicas, each), 400 * MIB, 'one more');
  t.equal(peakBytes(stagesOf('blue-green', replicas), replicas, each), 600 * MIB, 'a second side');
  t.equal(
    peakBytes(stagesOf('canary', replicas), replicas, each),
    600 * MIB,
    'the old stay to the last gate',
  );
  t.equal(peakBytes(stagesOf('canary', replicas, true), replicas, each), 400 * MIB, 'one more');
});

t.test('blue-green needs the memory of the whole second side', async (t) => {
  t.match(wayOf(question({ asked: 'blue-green', spareBytes: 300 * MIB })), {
    ...{ strategy: 'blue-green', isOffer: false, fits: true, besideBytes: 300 * MIB },
    why: 'blue-green, as the release says',
  });
  t.match(wayOf(question({ asked: 'blue-green', spareBytes: 299 * MIB, isChosen: true })), {
    ...{ strategy: 'rolling', isOffer: true, fits: true, besideBytes: 100 * MIB },
    why: 'blue-green was asked for, but both sides together take 300 MB more than usual and 299 MB are to spare: one by one needs 100 MB',
  });
});

t.test('a canary with room for one replica begins as one and goes on one by one', async (t) => {
  const way = wayOf(question({ asked: 'canary', isChosen: true }));
  t.match(way, { strategy: 'canary', isOffer: false, fits: true, besideBytes: 100 * MIB });
  t.match(way.why, /^canary, as asked for; .* so after the first requests one leaves for each that comes$/);
  t.strictSame(
    way.stages.map(({ to, isJudged }) => [to.fresh, to.stale, to.freshShare, isJudged]),
    [
      [1, 3, 5, true],
      [1, 3, 25, true],
      [1, 2, null, false],
      [2, 1, null, true],
      [3, 0, null, true],
    ],
  );
});

t.test('where not even one more replica fits, it says so', async (t) => {
  for (const asked of STRATEGIES) {
    t.match(wayOf(question({ asked, spareBytes: 99 * MIB })), { strategy: 'rolling', fits: false });
  }
});

t.test('smaller new replicas need less, larger ones more, and the sum is what counts', async (t) => {
  const small = { fresh: 50 * MIB, stale: 100 * MIB };
  t.equal(wayOf(question({ each: small })).besideBytes, 50 * MIB);
  const large = { fresh: 200 * MIB, stale: 100 * MIB };
  t.equal(
    wayOf(question({ each: large })).besideBytes,
    100 * MIB,
    'the last: two new, one old, one more new',
  );
  t.equal(wayOf(question({ spareBytes: undefined, asked: 'blue-green' })).fits, true, 'not asked');
});

// The order in which images are sent, and what each may leave out.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { loadInTurns, nextToLoad, omittable, type TurnImage } from '../../../src/deploy/load-turns.ts';

const image = (unpackedBytes: number, ...diffIds: string[]): TurnImage => ({ diffIds, unpackedBytes });

const small = image(10, 'base', 'small');
const middle = image(50, 'base', 'middle');
const large = image(90, 'base', 'large');
const apart = image(5, 'other');
const forever = new AbortController().signal;

t.test('the smallest goes first, then the largest, and none beside one it shares a layer with', async (t) => {
  t.equal(nextToLoad([large, small, middle], [], []), small);
  t.equal(nextToLoad([large, middle], [small], []), undefined, 'both wait for the base');
  t.equal(nextToLoad([large, apart, middle], [small], []), apart, 'one of its own need not wait');
  t.equal(nextToLoad([large, middle], [], [small]), large);
  t.equal(nextToLoad([middle], [large], [small]), middle, 'the base is there already');
  const deeper = image(60, 'base', 'large', 'more');
  t.equal(nextToLoad([deeper], [large], [small]), undefined, 'it shares more than what is there');
});

t.test('only layers at the bottom of an image that was loaded are left out', async (t) => {
  t.strictSame([...omittable(large, [])], []);
  t.strictSame([...omittable(large, [apart.diffIds, small.diffIds])], ['base']);
  t.strictSame(
    [...omittable(image(1, 'x', 'base'), [small.diffIds])],
    [],
    'the same layer on another one is not known',
  );
  const again = image(1, 'empty', 'a', 'empty');
  t.strictSame([...omittable(again, [['empty', 'b']])], [], 'the upper one is needed');
  t.strictSame([...omittable(again, [again.diffIds])], ['empty', 'a'], 'all of it is known');
});

t.test('what the engine had before is not sent again, and nobody waits for it', async (t) => {
  t.equal(nextToLoad([large, small, middle], [], [], [['base']]), small, 'the smallest is still the first');
  t.equal(nextToLoad([large, middle], [small], [], [['base', 'old']]), large, 'the base is there already');
  const sent: string[] = [];
  await loadInTurns(
    [large, apart],
    forever,
    async ({ diffIds }, omitted) => void sent.push(...diffIds.filter((one) => !omitted.has(one))),
    [['base', 'old'], ['large']],
  );
  t.strictSame(sent.toSorted(), ['large', 'other'], 'a layer on no chain from the bottom is sent');
});

t.test('every image is loaded once, two at a time, its shared layers before it', async (t) => {
  const sent: { image: TurnImage; omitted: string[] }[] = [];
  let underWay = 0;
  let most = 0;
  await loadInTurns([large, middle, apart, small], forever, async (one, omitted) => {
    sent.push({ image: one, omitted: [...omitted] });
    most = Math.max(most, (underWay += 1));
    await sleep(one.unpackedBytes / 10);
    underWay -= 1;
  });
  t.equal(most, 2);
  t.strictSame(new Set(sent.map((one) => one.image)), new Set([apart, small, middle, large]));
  t.equal(sent.length, 4);
  const bases = sent.filter((one) => one.image !== apart && !one.omitted.includes('base'));
  t.equal(bases.length, 1, 'the base went once');
  await loadInTurns([], forever, async () => void t.fail('there is nothing to load'));
});

t.test('the first failure ends the others, and nothing is left running', async (t) => {
  const failure = new Error('the disk is full');
  const ended: string[] = [];
  const loading = loadInTurns(
    [image(1, 'a'), image(2, 'b'), image(3, 'c')],
    forever,
    async (one, _omit, signal) => {
      const [name] = one.diffIds;
      if (name === 'a') throw failure;
      try {
        await sleep(60_000, undefined, { signal });
      } finally {
        ended.push(name!);
      }
    },
  );
  await t.rejects(loading, failure);
  t.strictSame(ended, ['c'], 'the one under way has ended, the third never began');
});

t.test('whoever asked may end it', async (t) => {
  const asked = new AbortController();
  const loading = loadInTurns([large], asked.signal, (_image, _omit, signal) =>
    sleep(60_000, undefined, { signal }),
  );
  asked.abort(new Error('stop'));
  await t.rejects(loading, { name: 'AbortError' });
});

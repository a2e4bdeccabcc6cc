// Which versions of objects go and which stay, held against a store of the simplest kind, over random histories.

import t from 'tap';
import { ChangeTally, Restorer, Sweeper, type Version } from '../../../src/stack/points/version-rules.ts';

/** A small source of chance that gives the same histories every time. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

interface History {
  readonly versions: readonly Version[];
  readonly cutsMs: readonly number[];
}

/** Writes, deletes and cuts at one moment each. */
function historyOf(seed: number): History {
  const pick = chance(seed);
  const versions: Version[] = [];
  const cutsMs: number[] = [];
  for (let atMs = 1; atMs <= 30; atMs += 1) {
    const what = pick(6);
    if (what === 0) cutsMs.push(atMs);
    else versions.push({ key: 'abc'[pick(3)]!, id: `v${atMs}`, atMs, isMarker: what < 3 });
  }
  return { versions, cutsMs };
}

const asListed = (versions: readonly Version[]): Version[] =>
  versions.toSorted((a, b) => (a.key === b.key ? b.atMs - a.atMs : a.key < b.key ? -1 : 1));

/** What an app saw at that time: key → the version it got. */
function stateAt(versions: readonly Version[], atMs: number): Record<string, string> {
  const state: Record<string, string> = {};
  for (const one of versions.toSorted((a, b) => a.atMs - b.atMs)) {
    if (one.atMs > atMs) continue;
    if (one.isMarker) delete state[one.key];
    else state[one.key] = one.id;
  }
  return state;
}

function sweep(versions: readonly Version[], cutsMs: readonly number[]): Version[] {
  const sweeper = new Sweeper(cutsMs);
  const unneeded = [...asListed(versions).flatMap((one) => sweeper.add(one)), ...sweeper.end()];
  return versions.filter((one) => !unneeded.includes(one));
}

const SEEDS = Array.from({ length: 100 }, (_, at) => at + 1);

/** What a store holds after a restore, later than everything: copies keep the content, hence the id, of what they copy. */
function restore(versions: readonly Version[], cutMs: number, atMs: number): Version[] {
  const restorer = new Restorer(cutMs);
  const found = [...asListed(versions).flatMap((one) => restorer.add(one)), ...restorer.end()];
  const made = found.map(({ kind, version: { key, id } }) => ({ key, id, atMs, isMarker: kind === 'hide' }));
  return [...versions, ...made];
}

t.test('a restore gives the state of the cut, and a second one the state that it left', async (t) => {
  for (const seed of SEEDS) {
    const { versions, cutsMs } = historyOf(seed);
    for (const cutMs of cutsMs) {
      const restored = restore(versions, cutMs, 40);
      t.strictSame(stateAt(restored, Infinity), stateAt(versions, cutMs), `history ${seed}, cut ${cutMs}`);
      const left = sweep(restored, [cutMs, 31]);
      t.strictSame(stateAt(restore(left, 31, 50), Infinity), stateAt(versions, Infinity), 'and back');
    }
  }
});

t.test('a restore writes no object anew that nobody changed', async (t) => {
  for (const seed of SEEDS) {
    const { versions } = historyOf(seed);
    t.equal(restore(versions, 31, 40).length, versions.length);
  }
});

t.test('a version and a delete marker of one moment are left to the store', async (t) => {
  const at = (atMs: number, isMarker: boolean): Version => ({ key: 'a', id: `${atMs}`, atMs, isMarker });
  const restorer = new Restorer(5);
  const listed = [at(6, false), at(5, true), at(5, false)];
  t.strictSame(
    listed.flatMap((one) => restorer.add(one)),
    [],
  );
  t.match(restorer.end(), [{ kind: 'ask', version: { id: '6' } }]);
});

t.test('an object whose old bytes were written anew counts as unchanged', async (t) => {
  const tally = new ChangeTally(5);
  const version = { key: 'a', isMarker: false };
  tally.add({ ...version, id: '9', atMs: 9, content: 'x' });
  tally.add({ ...version, id: '7', atMs: 7, content: 'y' });
  tally.add({ ...version, id: '3', atMs: 3, content: 'x' });
  t.match(tally.result(), { written: 0, deleted: 0 });
});

t.test('after a sweep the present and every cut are as they were', async (t) => {
  for (const seed of SEEDS) {
    const { versions, cutsMs } = historyOf(seed);
    const left = sweep(versions, cutsMs);
    for (const atMs of [...cutsMs, Infinity])
      t.strictSame(stateAt(left, atMs), stateAt(versions, atMs), `history ${seed}, at ${atMs}`);
  }
});

t.test('a sweep leaves no version that could go as well', async (t) => {
  for (const seed of SEEDS) {
    const { versions, cutsMs } = historyOf(seed);
    const left = sweep(versions, cutsMs);
    const states = (all: readonly Version[]) => [...cutsMs, Infinity].map((atMs) => stateAt(all, atMs));
    for (const one of left) {
      const without = left.filter((other) => other !== one);
      t.notSame(states(without), states(left), `history ${seed}: ${one.id} is needed`);
    }
    t.strictSame(sweep(left, cutsMs), left, 'a second sweep finds nothing');
  }
});

t.test('changes are counted by object, and what a restore removes by version', async (t) => {
  for (const seed of SEEDS) {
    const { versions, cutsMs } = historyOf(seed);
    for (const cutMs of cutsMs) {
      const tally = new ChangeTally(cutMs);
      for (const one of asListed(versions)) tally.add(one);
      const [then, now] = [stateAt(versions, cutMs), stateAt(versions, Infinity)];
      t.strictSame(tally.result(), {
        written: Object.keys(now).filter((key) => now[key] !== then[key]).length,
        deleted: Object.keys(then).filter((key) => now[key] === undefined).length,
        versions: versions.filter(({ atMs }) => atMs > cutMs).length,
      });
    }
  }
});

t.test(
  'of versions of one and the same second a cut keeps all, and no cut keeps the present alone',
  async (t) => {
    const at = (id: string, atMs: number, isMarker = false): Version => ({ key: 'k', id, atMs, isMarker });
    const listed = [at('now', 5), at('deleted', 2, true), at('written', 2), at('old', 1)];
    const left = (cutsMs: readonly number[]): string[] => {
      const sweeper = new Sweeper(cutsMs);
      const gone = [...listed.flatMap((one) => sweeper.add(one)), ...sweeper.end()];
      return listed.filter((one) => !gone.includes(one)).map(({ id }) => id);
    };
    t.strictSame(left([3]), ['now', 'deleted', 'written']);
    t.strictSame(left([1]), ['now', 'old']);
    t.strictSame(left([]), ['now']);
  },
);

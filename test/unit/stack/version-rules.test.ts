// Which versions of objects go and which stay, held against a store of the simplest kind, over random histories.

import t from 'tap';
import { ChangeTally, isAfter, Sweeper, type Version } from '../../../src/stack/points/version-rules.ts';

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

t.test('removing what is after a cut gives the state of the cut', async (t) => {
  for (const seed of SEEDS) {
    const { versions, cutsMs } = historyOf(seed);
    for (const cutMs of cutsMs) {
      const left = versions.filter((one) => !isAfter(one, cutMs));
      t.strictSame(stateAt(left, Infinity), stateAt(versions, cutMs), `history ${seed}, cut ${cutMs}`);
    }
  }
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

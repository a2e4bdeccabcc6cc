// How much of a sample may differ after Redis was replaced, because others went on writing.

import t from 'tap';
import { differences, type RedisKey, type RedisState } from '../../../src/stack/data/redis-data.ts';

const key = (name: string, change: Partial<RedisKey> = {}): RedisKey => ({
  ...{ key: name, type: 'string', sum: `sum of ${name}`, leftMs: -1 },
  ...change,
});
const state = (sample: readonly RedisKey[], change: Partial<RedisState> = {}): RedisState => ({
  ...{ keys: sample.length, expiring: 0, atMs: 0, sample },
  ...change,
});
const ten = Array.from({ length: 10 }, (_, at) => key(`k${at}`));

t.test('the same keys with the same content are right', async (t) => {
  t.equal(differences(state(ten), state(ten, { atMs: 5_000 })), undefined);
  t.equal(differences(state([]), state([])), undefined, 'an empty one too');
});

t.test('a key or two that somebody changed are right, more are not', async (t) => {
  const changed = (count: number): RedisState =>
    state(ten.map((one, at) => (at < count ? { ...one, sum: 'another' } : one)));
  t.equal(differences(state(ten), changed(2)), undefined);
  t.match(differences(state(ten), changed(3)), /3 of 10 keys/);
});

t.test('one that begins empty is not right, whether keys expire or not', async (t) => {
  t.match(differences(state(ten), state([])), /10 keys before/);
  const sessions = state(
    ten.map((one) => ({ ...one, leftMs: 60_000 })),
    { expiring: 10 },
  );
  t.match(differences(sessions, state([], { atMs: 5_000 })), /10 of 10 keys/);
});

t.test('a key whose time came is not missed', async (t) => {
  const shortLived = state(
    ten.map((one) => ({ ...one, leftMs: 2_000 })),
    { expiring: 10 },
  );
  t.equal(differences(shortLived, state([], { atMs: 5_000 })), undefined);
});

t.test('another type under the same key is a difference', async (t) => {
  const others = state(ten.map((one) => ({ ...one, type: 'hash' })));
  t.match(differences(state(ten), others), /10 of 10/);
});

// Dividing an amount: never more than there is, and never less for anyone when there is more.

import t from 'tap';
import { divide, floorOf } from '../../../src/sizing/share.ts';
import type { Claim } from '../../../src/sizing/share.ts';

const claims: Claim[] = [
  { key: 'large', floor: 7, weight: 5, cap: Infinity },
  { key: 'capped', floor: 3, weight: 4, cap: 40 },
  { key: 'small', floor: 1, weight: 2, cap: 11 },
  { key: 'fixed', floor: 20, weight: 0, cap: 20 },
];

const sum = (grants: ReadonlyMap<string, number>): number => [...grants.values()].reduce((a, b) => a + b, 0);

t.test('an exact amount gives every claim its floor', async (t) => {
  t.same(Object.fromEntries(divide(floorOf(claims), claims)), { large: 7, capped: 3, small: 1, fixed: 20 });
});

t.test('what a full claim does not take goes to the others', async (t) => {
  t.same(Object.fromEntries(divide(1000, claims)), { large: 927, capped: 40, small: 11, fixed: 20 });
});

t.test('at every amount the sum fits, no claim falls, and at most one unit a weight stays', async (t) => {
  const bad: string[] = [];
  let before = divide(floorOf(claims), claims);
  for (let amount = floorOf(claims); amount < 2000; amount += 1) {
    const grants = divide(amount, claims);
    const left = amount - sum(grants);
    if (left < 0 || left >= 11) bad.push(`${left} left of ${amount}`);
    for (const { key, cap } of claims) {
      if (grants.get(key)! < before.get(key)! || grants.get(key)! > cap) bad.push(`${key} at ${amount}`);
    }
    before = grants;
  }
  t.same(bad, []);
});

t.test('claims that want nothing more leave the rest', async (t) => {
  t.equal(sum(divide(500, [claims[3]!])), 20);
  t.equal(sum(divide(500, [])), 0);
});

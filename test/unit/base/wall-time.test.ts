// Times as people write them, on the clock of a zone, also in the nights when it jumps.

import t from 'tap';
import { parseWallTime } from '../../../src/base/wall-time.ts';

const ZURICH = 'Europe/Zurich';
const at = (text: string, now: string, zone = ZURICH): string =>
  parseWallTime(text, new Date(now), zone).at.toISOString();

t.test('a time of day is the next one to come', async (t) => {
  t.equal(at('02:30', '2026-11-21T15:00:00Z'), '2026-11-22T01:30:00.000Z');
  t.equal(at('23:05', '2026-11-21T15:00:00Z'), '2026-11-21T22:05:00.000Z');
  t.equal(at('16:00', '2026-11-21T15:00:00Z'), '2026-11-22T15:00:00.000Z', 'now is not to come');
  t.equal(at('2:30', '2026-12-31T23:30:00Z'), '2027-01-01T01:30:00.000Z', 'it is the new year there already');
});

t.test('a date and a time is that one', async (t) => {
  t.strictSame(parseWallTime(' 2026-11-22 02:30 ', new Date('2026-11-21T15:00:00Z'), ZURICH), {
    at: new Date('2026-11-22T01:30:00Z'),
    wall: '2026-11-22 02:30',
    zone: ZURICH,
    isTwice: false,
  });
  t.equal(at('2026-11-22T02:30', '2026-11-21T15:00:00Z', 'Asia/Kolkata'), '2026-11-21T21:00:00.000Z');
  t.equal(at('2026-11-22 02:30', '2026-11-21T15:00:00Z', 'UTC'), '2026-11-22T02:30:00.000Z');
});

t.test('a time that is past is refused, and the clock is told', async (t) => {
  t.throws(() => at('2026-11-20 02:30', '2026-11-21T15:00:00Z'), {
    code: 'usage.time',
    message: '2026-11-20 02:30 (Europe/Zurich) is past: the clock shows 2026-11-21 16:00.',
  });
  t.throws(() => at('2028-11-20 02:30', '2026-11-21T15:00:00Z'), { message: /more than a year away/ });
});

t.test('what is no time is refused', async (t) => {
  for (const text of ['', 'tonight', '24:00', '02:60', '2026-02-30 02:00', '2026-13-01 02:00', '2:3'])
    t.throws(() => at(text, '2026-11-21T15:00:00Z'), { code: 'usage.time', next: /02:30/ }, text);
});

t.test('a time that the clock jumps over is refused, and the one after it is right', async (t) => {
  const skipped = /does not show 2027-03-28 02:30 in Europe\/Zurich/;
  t.throws(() => at('2027-03-28 02:30', '2027-03-27T15:00:00Z'), { message: skipped });
  t.throws(() => at('02:30', '2027-03-27T15:00:00Z'), { message: skipped });
  t.equal(at('03:30', '2027-03-27T15:00:00Z'), '2027-03-28T01:30:00.000Z');
  t.equal(at('02:30', '2027-03-28T03:00:00Z'), '2027-03-29T00:30:00.000Z', 'the night after');
});

t.test('of a time that comes twice the first is meant, and then the second', async (t) => {
  const read = (now: string) => parseWallTime('2026-10-25 02:30', new Date(now), ZURICH);
  t.match(read('2026-10-24T15:00:00Z'), { at: new Date('2026-10-25T00:30:00Z'), isTwice: true });
  t.match(read('2026-10-25T01:00:00Z'), { at: new Date('2026-10-25T01:30:00Z'), isTwice: false });
  const lordHowe = parseWallTime('2027-04-04 01:45', new Date('2027-04-03T00:00:00Z'), 'Australia/Lord_Howe');
  t.match(lordHowe, { isTwice: true, at: new Date('2027-04-03T14:45:00Z') }, 'also where it is half an hour');
});

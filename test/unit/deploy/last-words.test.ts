// The last words of a replica that did not make it: the cause is not hidden by what was said again and again.

import { randomUUID } from 'node:crypto';
import t from 'tap';
import { tellingLines } from '../../../src/deploy/upgrade/last-words.ts';

const probe = (at: number): string =>
  JSON.stringify({
    ...{ time: new Date(1_790_000_000_000 + at * 100).toISOString(), level: 'info', message: 'request' },
    ...{ method: 'GET', path: '/api/ready', status: 503, ms: at / 7, requestId: randomUUID() },
  });

t.test('lines of probes do not hide the reason', async (t) => {
  const reason = '{"level":"error","message":"the licence cannot be read: ENOENT"}';
  const said = tellingLines(['starting', reason, ...Array.from({ length: 180 }, (_, at) => probe(at))]);
  t.strictSame(said.slice(0, 2), ['starting', reason]);
  t.equal(said.length, 4);
  t.match(said[2], /"path":"\/api\/ready".* \(and 178 more like it before\)$/);
  t.notMatch(said[3], /more like it/, 'the newest as it was');
});

t.test('what differs is told in its order, the last twenty lines of it', async (t) => {
  const words = Array.from({ length: 26 }, (_, at) => `line ${String.fromCharCode(97 + at)}`);
  t.strictSame(tellingLines(words), words.slice(-20));
  t.strictSame(tellingLines([]), []);
});

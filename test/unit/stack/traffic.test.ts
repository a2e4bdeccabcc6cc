// What the edge's clients were answered, from its log: only what tells of the app, told apart by replica, bounded.

import t from 'tap';
import { Latencies } from '../../../src/stack/traffic/latencies.ts';
import { parseAccessLine } from '../../../src/stack/traffic/access-line.ts';
import { Tally, Traffic } from '../../../src/stack/traffic/traffic.ts';

const at = new Date('2026-11-21T10:00:00Z');
const lineOf = (change: object = {}): string =>
  JSON.stringify({
    ...{ at: '2026-11-21T10:00:00+00:00', client: '10.0.0.9', method: 'GET', path: '/api/notes' },
    ...{ status: 200, bytes: 100, seconds: 0.02, upstream: '10.0.0.2:3000', upstreamStatus: '200' },
    ...change,
  });
const tallyOf = (...changes: object[]): Tally => {
  const traffic = new Traffic();
  for (const change of changes) traffic.add(lineOf(change), at);
  return traffic.tally();
};

t.test('quantiles are within a tenth of the truth', async (t) => {
  const latencies = new Latencies();
  for (let ms = 1; ms <= 1000; ms += 1) latencies.add(ms);
  for (const share of [0.5, 0.95, 0.99]) {
    const found = latencies.quantileMs(share)!;
    t.ok(Math.abs(found / (share * 1000) - 1) < 0.1, `${share}: ${found}`);
  }
  t.ok(Math.abs(latencies.slowerThan(500) / 500 - 1) < 0.1);
  t.equal(new Latencies().quantileMs(0.5), undefined);
});

t.test('counts come back from a file as they were, also of what took no time or for ever', async (t) => {
  const tally = new Tally();
  for (const ms of [0, 0.2, 5, 5, 1e9]) tally.add({ isFailed: ms === 5, ms });
  const again = new Tally(JSON.parse(JSON.stringify(tally)) as never);
  t.strictSame(again.toJSON(), tally.toJSON());
  t.equal(again.failed, 2);
  t.equal(again.latencies.total, 5);
});

t.test('a line says which replica gave the answer, also where another one was asked before', async (t) => {
  t.equal(parseAccessLine(lineOf())?.upstream, '10.0.0.2:3000');
  t.equal(parseAccessLine(lineOf({ upstream: '10.0.0.2:3000, 10.0.0.3:3000' }))?.upstream, '10.0.0.3:3000');
  for (const text of ['', '2026/11/21 [error] upstream timed out', '{"status":', '{}', '{"status":"200"}'])
    t.equal(parseAccessLine(text), undefined, text);
});

t.test('replicas are told apart', async (t) => {
  const traffic = new Traffic();
  traffic.add(lineOf(), at);
  traffic.add(lineOf({ upstream: '10.0.0.3:3000', status: 500 }), at);
  t.match(traffic.tally(), { requests: 2, failed: 1 });
  t.match(
    traffic.tally((replica) => replica === '10.0.0.3:3000'),
    { requests: 1, failed: 1 },
  );
});

t.test(
  'a replica whose failures nginx hides from clients by asking the next one is seen all the same',
  (t) => {
    const traffic = new Traffic();
    const hidden = { upstream: '10.0.0.9:3000, 10.0.0.2:3000', upstreamStatus: '503, 200', status: 200 };
    for (let n = 0; n < 40; n += 1) traffic.add(lineOf(hidden), at);
    t.match(
      traffic.tally((replica) => replica === '10.0.0.9:3000'),
      { requests: 40, failed: 40 },
    );
    t.match(
      traffic.tally((replica) => replica === '10.0.0.2:3000'),
      { requests: 40, failed: 0 },
    );
    t.end();
  },
);

t.test('a client that closed is nobody’s failure', async (t) => {
  t.match(tallyOf({ status: 499, seconds: 12 }), { requests: 0, failed: 0 });
});

t.test('what the edge answers by itself does not count, unless it had nobody to ask', async (t) => {
  t.equal(tallyOf({ status: 308, upstream: '' }, { status: 413, upstream: '' }).requests, 0);
  t.match(tallyOf({ status: 502, upstream: '' }), { requests: 1, failed: 1 });
});

t.test('what Onstead itself asks is not taken for a request of a client', async (t) => {
  t.equal(tallyOf({ client: '127.0.0.1', status: 500 }).requests, 0);
});

t.test('websockets, large answers and long polls count, but not by how long they took', async (t) => {
  const tally = tallyOf(
    { status: 101, seconds: 3 },
    { bytes: 50_000_000, seconds: 9 },
    { seconds: 25 },
    { seconds: 0.02 },
  );
  t.equal(tally.requests, 4);
  t.equal(tally.latencies.total, 1);
  t.ok(tally.latencies.quantileMs(0.95)! < 30);
});

t.test('of very many lines in a second only some are read, and the counts stay right', async (t) => {
  const traffic = new Traffic();
  for (let line = 0; line < 30_000; line += 1) {
    traffic.add(lineOf({ status: line % 37 === 0 ? 500 : 200 }), at);
  }
  const { requests, failed } = traffic.tally();
  t.ok(traffic.isSampled);
  t.ok(Math.abs(requests / 30_000 - 1) < 0.01, `${requests}`);
  t.ok(Math.abs(failed / (30_000 / 37) - 1) < 0.2, `${failed}`);
});

t.test('memory stays bounded whatever the log names as replicas', async (t) => {
  const traffic = new Traffic();
  for (let replica = 0; replica < 5_000; replica += 1) {
    traffic.add(lineOf({ upstream: `10.0.0.2:${replica}` }), new Date(at.getTime() + replica * 1000));
  }
  const names = new Set<string>();
  const { requests } = traffic.tally((name) => names.add(name) !== undefined);
  t.equal(requests, 5_000);
  t.ok(names.size < 150, `${names.size}`);
});

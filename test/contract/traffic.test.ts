// What the edge's clients were answered, read from a real container's log through a real engine.

import t from 'tap';
import { followTraffic, readTraffic } from '../../src/stack/index.ts';
import { openLab, type Lab } from './engine-lab.ts';

t.setTimeout(120_000);

let lab: Lab;
t.before(async () => {
  lab = await openLab();
});
t.teardown(() => lab.close());

const line = (seconds: string, status: string): string =>
  `{"client":"10.0.0.9","status":${status},"bytes":9,"seconds":${seconds},"upstream":"10.0.0.2:3000"}`;

/** Prints thirty lines, every tenth of them an error, and stays; then two a second. */
const speaking = [
  'sh',
  '-c',
  `for n in $(seq 1 27); do echo '${line('0.020', '200')}'; done; for n in 1 2 3; do echo '${line('0.020', '500')}'; done
   while :; do echo '${line('0.700', '200')}'; sleep 0.5; done`,
];

async function edgeOf(name: string, ...options: string[]) {
  const project = `${lab.id}${name}`;
  const labels = ['project', 'service'].flatMap((key, at) => [
    '--label',
    `com.docker.compose.${key}=${[project, 'nginx'][at]}`,
  ]);
  const id = await lab.start(speaking, [...labels, ...options]);
  return { id, edge: { engine: lab.engine, project, service: 'nginx' } };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 50));
}

t.test('a window that is past is read, and nothing beside it', async (t) => {
  const { edge } = await edgeOf('past', '--log-driver', 'local');
  const begun = new Date(Date.now() - 60_000);
  let found = (await readTraffic(edge, { since: begun, until: new Date() })).tally();
  while (found.requests < 31) found = (await readTraffic(edge, { since: begun, until: new Date() })).tally();
  t.equal(found.failed, 3);
  const earlier = { since: new Date(Date.now() - 3600_000), until: begun };
  t.equal((await readTraffic(edge, earlier)).tally().requests, 0);
});

t.test('what comes is seen as it comes, and by replica', async (t) => {
  const { edge } = await edgeOf('now', '--log-driver', 'local');
  const follower = followTraffic(edge, new Date(Date.now() - 60_000));
  await until(() => follower.now().tally().latencies.slowerThan(500) >= 3);
  t.ok(follower.now().tally((replica) => replica === '10.0.0.2:3000').requests >= 33);
  t.equal(follower.now().tally((replica) => replica === '10.0.0.3:3000').requests, 0);
  t.equal(follower.failure, undefined);
  await follower.stop();
});

t.test('a log that cannot be read is said, and is no error answer', async (t) => {
  const { edge } = await edgeOf('blind', '--log-driver', 'none');
  const follower = followTraffic(edge, new Date());
  await until(() => follower.failure !== undefined);
  t.match(follower.failure, { message: /log/ });
  t.equal(follower.now().tally().requests, 0);
  await follower.stop();
  await t.rejects(readTraffic(edge, { since: new Date(0), until: new Date() }));
});

t.test('an edge without a container is said', async (t) => {
  const follower = followTraffic(
    { engine: lab.engine, project: `${lab.id}none`, service: 'nginx' },
    new Date(),
  );
  await until(() => follower.failure !== undefined);
  t.match(follower.failure, { code: 'edge.no-log' });
  await follower.stop();
});

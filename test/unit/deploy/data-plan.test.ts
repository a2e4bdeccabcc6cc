// What is said of a data service before it is replaced: why, how long requests wait, and whether its data is copied.

import t from 'tap';
import { dataSteps, isDataService } from '../../../src/deploy/upgrade/data/plan.ts';
import type { ReplaceData } from '../../../src/deploy/upgrade/data/job.ts';
import type { RunningFacts } from '../../../src/deploy/upgrade/replace-plan.ts';
import { seriesOf } from '../../../src/deploy/upgrade/data/series.ts';
import { parseRelease, type Release } from '../../../src/release/index.ts';
import { releaseText } from '../stack/lab.ts';
import { targetOf } from './plan-target.ts';

const releaseWith = (edit: (text: string) => string): Release =>
  parseRelease(edit(releaseText), 'compose.yaml');
const mysqlImage = /image: (\S*mysql\S*)/.exec(releaseText)![1]!;
const withMysql = (image: string): Release => releaseWith((text) => text.replace(mysqlImage, image));

function stepsFor(
  next: Release,
  old: Release,
  facts: Partial<RunningFacts> = {},
  holdMs = 60_000,
): { title: string; input: ReplaceData }[] {
  const target = { ...targetOf(next), patience: { readyWithinMs: 1, soakMs: 1, keepWarmMs: 0, holdMs } };
  const running: RunningFacts = {
    ...{ changed: [], services: old.services.map(({ name }) => name), replicas: { app: 2 } },
    oldServices: old.services,
    ...facts,
  };
  return next.services
    .filter(isDataService)
    .flatMap((service) => dataSteps(target, running, service))
    .map(({ title, input }) => ({ title, input: input as ReplaceData }));
}

t.test('what stays as it is has no step', async (t) => {
  t.strictSame(stepsFor(releaseWith(String), releaseWith(String)), []);
});

t.test('the reason and the time that requests wait stand in the title', async (t) => {
  const release = releaseWith(String);
  const titles = (changed: string[], next = release): string[] =>
    stepsFor(next, release, { changed }).map(({ title }) => title);
  t.strictSame(titles(['redis']), ['Replace redis: new settings; requests wait, about 3 s']);
  const [major] = /\d+\.\d+/.exec(mysqlImage)!;
  t.strictSame(titles(['mysql'], withMysql(`mysql:${major}.99`)), [
    'Replace mysql: new image; requests wait, about 10 s',
  ]);
});

t.test('more than the limit is said to fail', async (t) => {
  const [step] = stepsFor(releaseWith(String), releaseWith(String), { changed: ['minio'] }, 5_000);
  t.equal(step?.title, 'Replace minio: new settings; requests wait 5 s, then fail for about 7 s');
  t.equal(step?.input.limitMs, 5_000);
});

t.test(
  'one that says nothing is waited for no longer than it is usual, but a MySQL that updates itself is',
  async (t) => {
    const within = (to: Release, from: Release, service: string, holdMs?: number): number | undefined =>
      stepsFor(to, from, { changed: [service] }, holdMs).find(({ input }) => input.service === service)?.input
        .answersWithinMs;
    const release = releaseWith(String);
    t.equal(within(release, release, 'redis'), 60_000, 'as long as requests wait');
    t.equal(within(release, release, 'redis', 5_000), 20_000);
    t.equal(within(release, release, 'mysql', 5_000), 30_000, 'three times the usual');
    t.equal(within(withMysql('mysql:8.4.9'), withMysql('mysql:8.4.8'), 'mysql'), 5 * 60_000);
    t.equal(within(withMysql('mysql:9.7.4'), withMysql('mysql:8.4.9'), 'mysql'), 30 * 60_000);
  },
);

t.test('another series works on a copy, also where Compose sees no other container', async (t) => {
  const facts = { dataBytes: { mysql: 2_000_000_000 } };
  const [step, ...more] = stepsFor(withMysql('mysql:9.7.4'), withMysql('mysql:8.4.9'), facts);
  t.strictSame(more, []);
  t.equal(step?.title, 'Replace mysql: 8.4 to 9.7 on a copy of its data; requests wait, about 30 s');
  t.match(step?.input.movesTo, { from: '8.4', to: '9.7', key: 'mysql-data' });
});

t.test('the same series goes on with its data, and one that no tag tells does not', async (t) => {
  const movesTo = (from: string, to: string): unknown =>
    stepsFor(withMysql(to), withMysql(from), { changed: ['mysql'] })[0]?.input.movesTo;
  t.equal(movesTo('mysql:8.4.8', 'mysql:8.4.9-oracle'), null);
  t.match(movesTo('mysql:8.4.8', 'mysql:lts'), { from: '8.4', to: 'unknown' });
  t.equal(movesTo('mysql:lts', 'mysql:lts'), null, 'the same image');
});

t.test('the series is read from the tag alone', async (t) => {
  t.equal(seriesOf('mysql:8.4.9@sha256:' + '1'.repeat(64)), '8.4');
  t.equal(seriesOf('registry.lan:5000/x/mysql:9.7'), '9.7');
  t.equal(seriesOf('registry.lan:5000/mysql'), undefined);
  t.equal(seriesOf('mysql:9'), undefined);
  t.equal(seriesOf('mysql:26.10-lts'), '26.10');
});

t.test('the app that runs is asked, by its own words', async (t) => {
  const next = releaseWith((text) => text.replace(/ready: \S+/, 'ready: /other'));
  const [step] = stepsFor(next, releaseWith(String), { changed: ['redis'] });
  t.match(step?.input.app, { service: 'app', ready: /^\/(?!other)/ });
});

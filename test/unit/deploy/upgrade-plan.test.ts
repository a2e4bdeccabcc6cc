// What an upgrade does, as data: the order that keeps a way back, and only what changes.

import t from 'tap';
import { planUpgrade, type UpgradeFacts, type UpgradeTarget } from '../../../src/deploy/upgrade/plan.ts';
import type { Exchange } from '../../../src/deploy/upgrade/exchange.ts';
import { upgradeExecutors, type DeployTools } from '../../../src/deploy/index.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { releaseText } from '../stack/lab.ts';
import { targetOf } from './plan-target.ts';

const release = parseRelease(releaseText, 'compose.yaml');
const from = {
  ...{ product: 'notes', title: 'Notes', version: '0.9.0', project: 'notes' },
  ...{ keyId: 'KEY', bundle: 'old', installedAt: '2026-11-20T00:00:00Z' },
};
const patience = { readyWithinMs: 60_000, soakMs: 5_000, keepWarmMs: 0, holdMs: 60_000 };
const target: UpgradeTarget = { ...targetOf(release), from, patience };
const standing: UpgradeFacts = {
  secrets: target.secrets,
  images: [],
  volumes: target.volumes.map(({ name }) => name),
  services: release.services.map(({ name }) => name),
  isInstalled: true,
  changed: ['app'],
  replicas: { app: 2 },
  oldServices: release.services,
};
const typesOf = (facts: Partial<UpgradeFacts> = {}, change: Partial<UpgradeTarget> = {}): string[] =>
  planUpgrade({ ...target, ...change }, { ...standing, ...facts }).map(({ type }) => type);
const exchangesOf = (facts: Partial<UpgradeFacts> = {}, change: Partial<UpgradeTarget> = {}): Exchange[] =>
  planUpgrade({ ...target, ...change }, { ...standing, ...facts })
    .filter(({ type }) => type === 'exchange')
    .map(({ input }) => input as Exchange);

t.test(
  'looked at and kept before anything is changed; migrated before replaced; proven before recorded',
  async (t) => {
    const types = typesOf();
    const inOrder = [
      'preflight',
      'verify-bundle',
      'load-images',
      'stage-stack',
      'keep-point',
      'list-edge',
      'switch-stack',
    ].concat(['migrate', 'exchange', 'judge', 'settle-edge', 'smoke-test', 'commit-upgrade', 'tidy']);
    const places = inOrder.map((type) => types.indexOf(type));
    t.ok(
      places.every((place) => place >= 0),
      types.join(' '),
    );
    t.strictSame(
      places,
      places.toSorted((left, right) => left - right),
    );
  },
);

t.test('what does not change is not touched', async (t) => {
  const types = typesOf({ changed: [] });
  for (const type of ['exchange', 'migrate', 'replace-data', 'make-volumes', 'make-secrets'])
    t.notOk(types.includes(type), type);
});

t.test('each state of the replicas goes on where the one before ended', async (t) => {
  for (const strategy of ['rolling', 'blue-green', 'canary'] as const) {
    const exchanges = exchangesOf({}, { strategy });
    t.strictSame(exchanges[0]?.before, { fresh: 0, stale: 2, freshShare: null }, strategy);
    for (const [at, { before }] of exchanges.slice(1).entries()) t.strictSame(before, exchanges[at]?.after);
    t.match(exchanges.at(-1)?.after, { stale: 0 }, strategy);
  }
});

t.test('a data service is replaced only where it changed, before the migration', async (t) => {
  const types = typesOf({ changed: ['app', 'redis'] });
  t.equal(types.filter((type) => type === 'replace-data').length, 1);
  t.ok(types.indexOf('replace-data') < types.indexOf('migrate'));
});

t.test('services that are new are started, and those that are gone are removed', async (t) => {
  const [gone] = parseRelease(releaseText, 'compose.yaml').services;
  const types = typesOf({
    services: standing.services.filter((name) => name !== 'redis'),
    oldServices: [...release.services, { ...gone!, name: 'old-worker' }],
  });
  t.ok(types.includes('start-services'));
  t.ok(types.includes('remove-service'));
});

t.test('each step has an executor, and a title for people', async (t) => {
  const executors = Object.keys(upgradeExecutors({} as DeployTools));
  for (const strategy of ['rolling', 'blue-green', 'canary'] as const) {
    for (const { type, title } of planUpgrade(
      { ...target, strategy },
      { ...standing, changed: standing.services },
    )) {
      t.ok(executors.includes(type), type);
      t.match(title, /^[A-Z].{3,80}[^.]$/);
    }
  }
});

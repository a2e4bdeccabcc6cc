// Where nginx stands in the plan of an upgrade.

import t from 'tap';
import { planUpgrade, type UpgradeFacts, type UpgradeTarget } from '../../../src/deploy/upgrade/plan.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { releaseText } from '../stack/lab.ts';
import { targetOf } from './plan-target.ts';

const release = parseRelease(releaseText, 'compose.yaml');
const from = {
  ...{ product: 'notes', title: 'Notes', version: '0.9.0', project: 'notes' },
  ...{ keyId: 'KEY', bundle: 'old', installedAt: '2026-11-20T00:00:00Z' },
};
const target: UpgradeTarget = {
  ...targetOf(release),
  from,
  patience: { readyWithinMs: 60_000, soakMs: 5_000, keepWarmMs: 0, holdMs: 60_000 },
};
const oldServices = parseRelease(releaseText.replace('port: 3000', 'port: 2999'), 'compose.yaml').services;
const plan = (changed: readonly string[], change: Partial<UpgradeFacts> = {}) =>
  planUpgrade(target, {
    secrets: target.secrets,
    images: [],
    volumes: target.volumes.map(({ name }) => name),
    services: release.services.map(({ name }) => name),
    isInstalled: true,
    changed,
    replicas: { app: 2 },
    oldServices,
    ...change,
  });

t.test('nginx that changes is replaced before the app, whose replicas are still the old ones', async (t) => {
  const steps = plan(['app', 'nginx']);
  const types = steps.map(({ type }) => type);
  t.equal(types.filter((type) => type === 'replace-edge').length, 1);
  t.ok(types.indexOf('replace-edge') < types.indexOf('exchange'));
  t.notOk(steps.some(({ type, title }) => type === 'replace-service' && title.includes('nginx')));
  t.match(steps.find(({ type }) => type === 'replace-edge')?.input, {
    service: 'nginx',
    app: { service: 'app', port: 2999 },
  });
  t.equal(types.filter((type) => type === 'settle-edge').length, 1, 'once, when the app is replaced too');
});

t.test(
  'who answers is listed before the files change, and the edge is settled after all that changed',
  async (t) => {
    for (const changed of [['nginx'], ['app'], ['app', 'nginx']]) {
      const types = plan(changed).map(({ type }) => type);
      t.ok(types.indexOf('list-edge') < types.indexOf('switch-stack'));
      const last = Math.max(types.lastIndexOf('replace-edge'), types.lastIndexOf('exchange'));
      t.ok(types.indexOf('settle-edge') > last, types.join(' '));
    }
  },
);

t.test('nginx that stays is not touched, and one that is not there is started', async (t) => {
  t.notOk(plan(['app']).some(({ type }) => type === 'replace-edge'));
  const services = release.services.map(({ name }) => name).filter((name) => name !== 'nginx');
  const types = plan(['nginx'], { services }).map(({ type }) => type);
  t.notOk(types.includes('replace-edge'));
  t.ok(types.includes('start-services'));
});

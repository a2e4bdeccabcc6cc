// What is told before an upgrade follows from the very plan that would be carried out.

import t from 'tap';
import { GIB, MIB } from '../../../src/base/units.ts';
import { planUpgrade, type UpgradeFacts, type UpgradeTarget } from '../../../src/deploy/upgrade/plan.ts';
import { previewOf, type PreviewInput } from '../../../src/deploy/upgrade/preview/preview.ts';
import type { UpgradePreview } from '../../../src/deploy/index.ts';
import { waysOf } from '../../../src/deploy/upgrade/replace-plan.ts';
import type { CheckResult, DiskFolder } from '../../../src/machine/index.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { releaseText } from '../stack/lab.ts';
import { targetOf } from './plan-target.ts';

const release = parseRelease(releaseText, 'compose.yaml');
const base = targetOf(release);
const target: UpgradeTarget = {
  ...base,
  from: {
    ...{ product: 'notes', title: 'Notes', version: '0.9.0', project: 'notes' },
    ...{ keyId: 'KEY', bundle: 'old', installedAt: '2026-11-20T00:00:00Z' },
  },
  patience: { readyWithinMs: 60_000, soakMs: 5_000, keepWarmMs: 60_000, holdMs: 60_000 },
  spareBytes: 4 * GIB,
  needs: {
    ...base.needs,
    imageBytes: 100 * MIB,
    upgrade: { stateBytes: 64 * MIB, copyBytes: 300 * MIB },
  },
  loads: base.services.map(({ name }) => ({
    ...{ services: [name], repository: `x/${name}`, bytes: 200 * MIB },
    loadBytes: name === 'app' ? 100 * MIB : 0,
  })),
};
const facts: UpgradeFacts = {
  ...{ secrets: target.secrets, images: [], isInstalled: true, changed: ['app'], replicas: { app: 8 } },
  volumes: target.volumes.map(({ name }) => name),
  services: release.services.map(({ name }) => name),
  oldServices: release.services,
};
const folder = (role: DiskFolder['role'], path: string): DiskFolder =>
  ({ role, path, freeBytes: 50 * GIB }) as DiskFolder; // the rest is not looked at
const sameImages = Object.fromEntries(target.images.map(({ service, tag }) => [service, tag]));

function preview(
  change: { target?: Partial<UpgradeTarget>; facts?: Partial<UpgradeFacts> } & Partial<
    Omit<PreviewInput, 'target' | 'facts'>
  > = {},
): UpgradePreview {
  const own = { ...target, ...change.target };
  const there = { ...facts, ...change.facts };
  return previewOf({
    history: [],
    verdict: { count: 40, failed: [], warned: [] },
    folders: [folder('engine', '/var/lib/docker'), folder('state', '/var/lib/onstead')],
    copies: [{ service: 'mysql', bytes: 300 * MIB }],
    running: { ...sameImages, app: 'x/app:old' },
    ...change,
    ...{ target: own, facts: there, ways: waysOf(own, there), steps: planUpgrade(own, there) },
  });
}

t.test('only images that change are told, with what has to be loaded of them', async (t) => {
  t.match(preview(), {
    from: '0.9.0',
    to: '1.0.0',
    images: [{ services: ['app'], isNew: false, bytes: 200 * MIB, loadBytes: 100 * MIB }],
    sameImages: release.services.length - 1,
  });
  const { app: _, ...withoutApp } = sameImages;
  t.match(preview({ running: withoutApp }).images, [{ services: ['app'], isNew: true }]);
});

t.test('a migration is told with its kind, and with what a rollback can keep because of it', async (t) => {
  const told = preview();
  t.match(told.migrations, [{ service: 'app', isReversible: true, back: /migrate down/ }]);
  t.ok(told.rollback.keepsData);
  t.match(told.rollback.sentences[0], /keeps what was written since, and takes back the migrations of app/);
  const oneWay = parseRelease(releaseText.replace('reversible: true', 'reversible: false'), 'x').services;
  const hard = preview({ target: { services: oneWay } });
  t.match(hard.migrations, [{ isReversible: false, back: null }]);
  t.notOk(hard.rollback.keepsData);
  t.strictSame(preview({ facts: { changed: ['nginx'] } }).migrations, [], 'where none runs none is told');
});

t.test('whatever is restarted is told, how long, and what becomes of the requests', async (t) => {
  const { services } = preview({ facts: { changed: ['app', 'redis', 'nginx'] } });
  const by = (name: string) => services.find(({ service }) => service === name);
  t.match(by('app'), { how: '8 replicas, one after the other, new before old', requests: 'answered' });
  t.match(by('nginx'), { how: 'replaced beside itself', requests: 'answered' });
  t.ok(by('redis')!.ms > 0);
  t.strictSame(preview({ facts: { changed: [] } }).services, []);
});

t.test('each strategy is told in words, with the time that the old are kept warm', async (t) => {
  const how = (strategy: 'blue-green' | 'canary') => preview({ target: { strategy } }).services[0]?.how;
  t.equal(
    how('blue-green'),
    '8 new beside the old and tried there, then all requests at once, the old kept warm for 1 min',
  );
  t.equal(how('canary'), '8 replicas, the new asked for 5, 25, 50, 100 % of the requests');
  const { strategies, services } = preview({ target: { strategy: 'blue-green', spareBytes: 600 * MIB } });
  t.match(strategies, [{ strategy: 'rolling', isOffer: true, why: /^blue-green was asked for, but/ }]);
  t.match(services[0]?.how, /one after the other/);
});

t.test('room is told by folder: images while they are unpacked, the copy, the rest', async (t) => {
  const [engine, state] = preview().disk;
  t.match(engine, {
    path: '/var/lib/docker',
    freeBytes: 50 * GIB,
    needs: [{ what: 'images' }, { what: 'the copy of mysql', bytes: 300 * MIB }],
  });
  t.ok(engine!.needs[0]!.bytes > 100 * MIB);
  t.equal(
    engine!.neededBytes,
    engine!.needs.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  t.match(state, { path: '/var/lib/onstead', neededBytes: 64 * MIB });
});

t.test('the time is the sum of the steps, and says where its parts are from', async (t) => {
  const { time, steps } = preview({ history: [{ type: 'exchange', input: {}, ms: 7_000 }] });
  t.equal(
    time.ms,
    steps.reduce((sum, { ms }) => sum + ms, 0),
  );
  t.equal(time.measured + time.fixed + time.assumed, steps.length);
  const exchanges = steps.filter(({ type }) => type === 'exchange');
  t.equal(exchanges.length, 8);
  t.ok(exchanges.every(({ ms, from }) => ms === 7_000 && from === 'measured'));
});

t.test('what preflight refuses is told with the next action, before anything is begun', async (t) => {
  const bad = { title: 'Room for images', found: '1 GB free', fix: 'Make room.' } as CheckResult;
  const { checks } = preview({ verdict: { count: 40, failed: [bad], warned: [] } });
  t.match(checks, { count: 40, failed: ['Room for images: 1 GB free'], next: 'Make room.' });
});

t.test('a data service that changes says why it is replaced, and for how long requests wait', async (t) => {
  const { services } = preview({ facts: { changed: ['redis'] } });
  t.match(services, [
    { service: 'redis', how: 'replaced and proven: new settings', requests: 'wait', heldAtMostMs: 60_000 },
  ]);
});

t.test(
  'another series of the database takes room for one more copy, and its writes cannot be kept',
  async (t) => {
    const older = release.services.map((service) =>
      service.role === 'mysql' ? { ...service, image: 'mysql:8.4.9' } : service,
    );
    const { disk, rollback, services } = preview({ facts: { changed: [], oldServices: older } });
    t.match(disk[0]?.needs.at(-1), { what: 'the data of mysql for its next series', bytes: 300 * MIB });
    t.equal(rollback.keepsData, false);
    t.match(rollback.sentences[0], /mysql became 9\.7/);
    t.match(services[0]?.how, /8\.4 to 9\.7 on a copy of its data/);
  },
);

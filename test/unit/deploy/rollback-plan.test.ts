// What a rollback does, as data: looked at first, kept, and with a data service that is ill as well as it goes.

import t from 'tap';
import { upgradeExecutors, type DeployTools } from '../../../src/deploy/index.ts';
import {
  planRollback,
  type RollbackFacts,
  type RollbackTarget,
} from '../../../src/deploy/upgrade/rollback-plan.ts';
import { rollbackPreviewOf } from '../../../src/deploy/upgrade/preview/rollback-preview.ts';
import { refuseNoRoom } from '../../../src/deploy/upgrade/room.ts';
import { waysOf } from '../../../src/deploy/upgrade/replace-plan.ts';
import { verdictOf } from '../../../src/deploy/machine-verdict.ts';
import { GIB, MIB } from '../../../src/base/units.ts';
import type { PreflightReport } from '../../../src/machine/index.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { releaseText } from '../stack/lab.ts';
import { targetOf } from './plan-target.ts';

const release = parseRelease(releaseText, 'compose.yaml');
const installed = (version: string) => ({
  ...{ product: 'notes', title: 'Notes', version, project: 'notes', keyId: 'KEY', bundle: version },
  installedAt: '2026-11-20T00:00:00Z',
});
const { needs, sizing, services, project } = targetOf(release);
const target: RollbackTarget = {
  ...{ project, services, sizing, data: 'keep', point: 'upgrade-1' },
  ...{ from: installed('1.1.0'), to: installed('1.0.0') },
  patience: { readyWithinMs: 60_000, soakMs: 5_000, keepWarmMs: 60_000, holdMs: 60_000 },
  needs: { ...needs, isBack: true, upgrade: { stateBytes: MIB, copyBytes: GIB } },
  spareBytes: 10 * GIB,
};
const standing: RollbackFacts = {
  changed: ['app'],
  services: services.map(({ name }) => name),
  replicas: { app: 2 },
  oldServices: services,
  ill: [],
};
const stepsOf = (change: Partial<RollbackTarget> = {}, facts: Partial<RollbackFacts> = {}) =>
  planRollback({ ...target, ...change }, { ...standing, ...facts });
const typesOf = (...given: Parameters<typeof stepsOf>): string[] => stepsOf(...given).map(({ type }) => type);

t.test('the machine is looked at before anything is changed, and each step has an executor', async (t) => {
  const executors = Object.keys(upgradeExecutors({} as DeployTools));
  for (const data of ['keep', 'restore'] as const) {
    for (const ill of [[], ['mysql'], ['redis', 'minio']]) {
      const steps = stepsOf({ data }, { ill, changed: standing.services });
      t.equal(steps[0]?.type, 'preflight');
      t.strictSame(
        steps.filter(({ type }) => !executors.includes(type)),
        [],
      );
      for (const { title } of steps) t.match(title, /^[A-Z].{3,90}[^.]$/);
    }
  }
});

t.test('the point says which one it leads back to, and is recorded as a way back', async (t) => {
  const inputOf = (type: string) => stepsOf().find((step) => step.type === type)?.input;
  t.match(inputOf('keep-point'), { over: 'upgrade-1' });
  t.notOk('isOptional' in (inputOf('keep-point') as object));
  t.match(inputOf('commit-upgrade'), { isBack: true });
});

t.test('a database that is ill is put back as it is, and need not be copied first', async (t) => {
  const ill = stepsOf({}, { ill: ['mysql'], changed: ['app', 'mysql'] });
  t.match(ill.find(({ type }) => type === 'keep-point')?.input, { isOptional: true });
  t.match(
    ill.find(({ type }) => type === 'replace-service'),
    { title: 'Replace mysql, which is not well', input: { service: 'mysql' } },
  );
  t.notOk(ill.some(({ type }) => type === 'replace-data'));
  t.ok(typesOf({}, { ill: ['mysql'] }).includes('start-services'), 'unchanged, it is started');
  t.notOk(typesOf({ data: 'restore' }, { ill: ['mysql'] }).includes('start-services'), 'restored anyway');
  const redis = stepsOf({}, { ill: ['redis'] }).find(({ type }) => type === 'keep-point')!;
  t.notOk('isOptional' in (redis.input as object), 'no point keeps data of it');
});

t.test('where there is no room for both sides the replicas are replaced one by one', async (t) => {
  const blueGreen = services.map((one) =>
    one.role === 'app' ? { ...one, strategy: 'blue-green' as const } : one,
  );
  const sized = sizing.services.find(({ name }) => name === 'app')!;
  const facts = { ...standing, replicas: { app: sized.replicas } };
  const wayWith = (spareBytes: number) => waysOf({ ...target, services: blueGreen, spareBytes }, facts)[0];
  t.match(wayWith(10 * GIB), { strategy: 'blue-green', fits: true });
  t.match(wayWith(sized.memoryLimitBytes), { strategy: 'rolling', fits: true });
  t.throws(() => refuseNoRoom([wayWith(1)!], 1), { code: 'sizing.no-room' });
});

t.test('nothing but room forbids a way back', async (t) => {
  const report = (id: string): PreflightReport =>
    ({ checks: [{ id, title: id, status: 'fail', found: 'x', needed: 'y', fix: null }] }) as never;
  for (const id of ['clock-plausible', 'kernel', 'memory'])
    t.equal(verdictOf(report(id), true, true).failed.length, 0, id);
  t.equal(verdictOf(report('kernel'), true).failed.length, 1, 'an upgrade is forbidden');
  for (const id of ['engine-space', 'state-space', 'inodes'])
    t.equal(verdictOf(report(id), true, true).failed.length, 1, id);
});

t.test('the preview tells direction, counts, disk, time and who waits, in numbers', async (t) => {
  const point = {
    ...{ id: 'upgrade-1', kind: 'upgrade' as const, order: 1, before: [], after: ['upgrade-1'], sizing },
    ...{ keptAt: '2026-11-21T18:11:00Z', from: installed('1.0.0') },
  };
  const changes = {
    ...{ transactions: 9, schemaChanges: 1, isComplete: true },
    tables: [{ table: 'notes.notes', inserted: 12, updated: 1, deleted: 0 }],
  };
  const preview = (data: 'keep' | 'restore', ill: readonly string[] = []) => {
    const facts = { ...standing, ill };
    const asked = { ...target, data };
    return rollbackPreviewOf({
      ...{ target: asked, facts, point, ways: data === 'keep' ? waysOf(asked, facts) : [] },
      ...{ steps: planRollback(asked, facts), history: [{ type: 'restore-data', input: {}, ms: 21_000 }] },
      folders: [{ role: 'engine', path: '/var/lib/docker', freeBytes: 5 * GIB }] as never,
      verdict: { count: 1, failed: [], warned: [] },
      loss: {
        ...{ databases: [{ service: 'mysql', changes }], hasMigrations: true, unknown: [] },
        objects: { written: 2, deleted: 1, versions: 3 },
      },
      sizes: [{ service: 'mysql', nowBytes: 300 * MIB, thenBytes: 200 * MIB }],
    });
  };
  const kept = preview('keep');
  t.match(kept, { from: '1.1.0', to: '1.0.0', point: { id: 'upgrade-1', kind: 'upgrade' } });
  t.match(kept.since.databases[0]?.tables[0], { inserted: 12, updated: 1 });
  t.match(kept.since.objects, { written: 2, deleted: 1 });
  t.equal(kept.disk[0]?.neededBytes, 300 * MIB);
  t.match(kept.services, [{ service: 'app', requests: 'answered' }]);
  const restored = preview('restore');
  t.equal(restored.disk[0]?.neededBytes, 200 * MIB, 'what is left is kept where it is');
  t.match(restored.services, [{ service: 'app', ms: 21_000, requests: 'wait', heldAtMostMs: 120_000 }]);
  t.equal(restored.steps.find(({ type }) => type === 'restore-data')?.from, 'measured');
  t.strictSame(preview('keep', ['mysql']).keeps.databases, [], 'no copy is promised of what is ill');
  t.match(preview('restore', ['mysql']).keeps.databases, [{ service: 'mysql' }], 'its volume stays');
});

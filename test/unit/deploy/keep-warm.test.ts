// The old replicas stay for the time that was set, and a daemon that comes back does not begin that time anew.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { keepWarmStep } from '../../../src/deploy/upgrade/keep-warm-step.ts';
import { planUpgrade, type UpgradeFacts, type UpgradeTarget } from '../../../src/deploy/upgrade/plan.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { HandClock } from '../journal/lab.ts';
import { releaseText } from '../stack/lab.ts';
import { targetOf } from './plan-target.ts';

const MINUTE = 60_000;

async function lab(t: { teardown(end: () => unknown): void }) {
  const root = await mkdtemp(join(tmpdir(), 'onstead-warm-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const clock = new HandClock();
  const tools = { paths: pathsUnder(root), clock } as unknown as DeployTools; // it works with no more
  const watched: number[] = [];
  const step = keepWarmStep(tools, async (_tools, _watched, _context, { forMs }) => {
    watched.push(forMs);
    return 'nothing was wrong';
  });
  const context = { operation: 'upgrade-1', signal: AbortSignal.timeout(5_000), progress() {}, note() {} };
  const run = () => step.apply({ project: 'notes', service: 'app', keepWarmMs: 5 * MINUTE }, context);
  return { clock, watched, run };
}

t.test('for the time that was set, watched meanwhile', async (t) => {
  const { run, watched } = await lab(t);
  t.equal(await run(), 'nothing was wrong');
  t.strictSame(watched, [5 * MINUTE]);
});

t.test('a daemon that was away meanwhile keeps them for what is left, and no longer', async (t) => {
  const { run, watched, clock } = await lab(t);
  await run();
  clock.advance(3 * MINUTE);
  await run();
  clock.advance(10 * MINUTE);
  t.equal(await run(), 'the time was up');
  t.strictSame(watched, [5 * MINUTE, 2 * MINUTE]);
});

t.test('a clock that was set back does not make it longer', async (t) => {
  const { run, watched, clock } = await lab(t);
  await run();
  clock.advance(-24 * 60 * MINUTE);
  await run();
  t.strictSame(watched, [5 * MINUTE, 5 * MINUTE]);
});

const release = parseRelease(releaseText, 'compose.yaml');
const target: UpgradeTarget = {
  ...targetOf(release),
  from: {
    ...{ product: 'notes', title: 'Notes', version: '0.9.0', project: 'notes' },
    ...{ keyId: 'KEY', bundle: 'old', installedAt: '2026-11-20T00:00:00Z' },
  },
  patience: { readyWithinMs: 60_000, soakMs: 5_000, keepWarmMs: 5 * MINUTE, holdMs: MINUTE },
};
const facts: UpgradeFacts = {
  ...{ secrets: target.secrets, images: [], isInstalled: true, changed: ['app'], replicas: { app: 8 } },
  volumes: target.volumes.map(({ name }) => name),
  services: release.services.map(({ name }) => name),
  oldServices: release.services,
};

t.test('it comes between the gate that judges the switch and the step that lets the old go', async (t) => {
  const steps = planUpgrade({ ...target, strategy: 'blue-green' }, facts);
  const at = steps.findIndex(({ type }) => type === 'keep-warm');
  t.match(steps.slice(at - 2, at + 2), [
    { type: 'exchange', input: { after: { fresh: 8, stale: 8, freshShare: 100 } } },
    { type: 'judge' },
    { type: 'keep-warm', title: 'Keep the old app warm for 5 min' },
    { type: 'exchange', input: { after: { stale: 0 } } },
  ]);
  const patience = { ...target.patience, keepWarmMs: 0 };
  for (const change of [
    { strategy: 'rolling' },
    { strategy: 'canary' },
    { strategy: 'blue-green', patience },
  ] as const)
    t.notOk(planUpgrade({ ...target, ...change }, facts).some(({ type }) => type === 'keep-warm'));
});

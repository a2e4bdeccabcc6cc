// What users of other products suffered when they upgraded, each told by its name, and what happens here.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { planUpgrade, type UpgradeFacts, type UpgradeTarget } from '../../../src/deploy/upgrade/plan.ts';
import { wayBackTo } from '../../../src/deploy/upgrade/strategy.ts';
import { switchStackStep } from '../../../src/deploy/upgrade/switch-steps.ts';
import type { AnyExecutor } from '../../../src/journal/index.ts';
import { checkUpgradePath, parseRelease, STRATEGIES } from '../../../src/release/index.ts';
import { openJournal, runnerOn } from '../journal/lab.ts';
import { releaseText, renderText } from '../stack/lab.ts';
import { exchangeLab } from './exchange-lab.ts';
import { targetOf } from './plan-target.ts';

const release = parseRelease(releaseText, 'compose.yaml');
const target: UpgradeTarget = {
  ...targetOf(release),
  from: {
    ...{ product: 'notes', title: 'Notes', version: '0.9.0', project: 'notes' },
    ...{ keyId: 'KEY', bundle: 'old', installedAt: '2026-11-20T00:00:00Z' },
  },
  patience: { readyWithinMs: 60_000, soakMs: 5_000, keepWarmMs: 1_000, holdMs: 1_000 },
};
const names = release.services.map(({ name }) => name);
const facts: UpgradeFacts = {
  ...{ secrets: target.secrets, images: [], isInstalled: true, changed: names, replicas: { app: 2 } },
  ...{ volumes: target.volumes.map(({ name }) => name), services: names, oldServices: release.services },
};
const planOf = (strategy: (typeof STRATEGIES)[number]) => planUpgrade({ ...target, strategy }, facts);
const TOUCHES = /^(exchange|replace-|start-services|remove-service|switch-stack|migrate)/;
const share = (fresh: number, stale: number, freshShare: number | null = null) => ({
  fresh,
  stale,
  freshShare,
});

t.test('the pull failed after the old image was deleted: images are cleared away last of all', async (t) => {
  for (const strategy of STRATEGIES) {
    const types = planOf(strategy).map(({ type }) => type);
    t.equal(types.at(-1), 'tidy');
    t.equal(types.at(-2), 'commit-upgrade', 'and only when the new release is recorded');
    t.ok(types.indexOf('load-images') < types.findIndex((type) => TOUCHES.test(type)), strategy);
  }
});

t.test(
  'the stack was stopped before the new images were loaded: nothing is touched before they are',
  async (t) => {
    for (const strategy of STRATEGIES) {
      const types = planOf(strategy).map(({ type }) => type);
      const first = types.findIndex((type) => TOUCHES.test(type));
      for (const type of ['preflight', 'verify-bundle', 'load-images', 'stage-stack', 'keep-point'])
        t.ok(types.indexOf(type) < first && types.includes(type), `${strategy}: ${type}`);
    }
  },
);

/** The plan carried out for real by the runner, with steps that only say that they were done. */
async function carry(t: Parameters<typeof openJournal>[0], failing: string) {
  const lab = await openJournal(t);
  const said: string[] = [];
  const executors = Object.fromEntries(
    planOf('rolling').map(({ type }): [string, AnyExecutor] => [
      type,
      {
        apply: async () => {
          if (type === failing) throw new Error(`${type} failed`);
          said.push(type);
        },
        undo: async () => void said.push(`undo ${type}`),
      },
    ]),
  );
  const { id } = lab.journal.create({ kind: 'upgrade', title: 'x', input: {}, steps: planOf('rolling') });
  const runner = runnerOn(lab, { executors });
  runner.start(id);
  await runner.finished(id);
  return { said, operation: lab.journal.get(id) };
}

t.test(
  'the candidate was recreated during a rollback: none of the new replicas is started again',
  async (t) => {
    const lab = await exchangeLab(t, [
      { id: 'old', side: 'stale', status: 'running' },
      { id: 'candidate', side: 'fresh', status: 'exited' },
    ]);
    await lab.back(share(1, 1), share(2, 0));
    t.strictSame(lab.done, ['remove candidate']);
    const early = await exchangeLab(t, [{ id: 'candidate', side: 'fresh', status: 'exited' }]);
    await early.back(share(1, 1), share(2, 0));
    t.notOk(
      early.done.some((one) => one.startsWith('start fresh')),
      early.done.join(', '),
    );
    t.match(early.replicas, [{ side: 'stale' }]);
    t.strictSame(
      wayBackTo(share(2, 4, 50), 2),
      share(2, 4, 0),
      'and none is asked again while the old ones answer',
    );
    t.strictSame(wayBackTo(share(3, 1), 2), share(2, 1), 'one by one: all that are left answer');
  },
);

t.test(
  'a half-applied target was recorded as done, so the retry skipped it: the effect itself is looked at',
  async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'onstead-story-'));
    t.teardown(() => rm(root, { recursive: true, force: true }));
    const { journal } = await openJournal(t);
    const paths = pathsUnder(root);
    journal.setFact('sizing', target.sizing);
    const step = switchStackStep({ paths, journal } as DeployTools);
    const context = { operation: 'x', signal: new AbortController().signal, progress() {}, note() {} };
    const holds = () => step.holds!({ plan: target.sizing }, context);
    for (const [path, text] of renderText(releaseText)) {
      for (const folder of [paths.stack, paths.stackNext]) {
        await mkdir(join(folder, path, '..'), { recursive: true });
        await writeFile(join(folder, path), text);
      }
    }
    t.ok(await holds(), 'whole');
    await writeFile(join(paths.stack, 'compose.override.yaml'), 'services: {}\n');
    t.notOk(await holds(), 'one file of before');
    const { operation } = await carry(t, 'settle-edge');
    t.equal(operation.state, 'rolled-back');
    const commit = operation.steps.find(({ type }) => type === 'commit-upgrade')!; // it is in every plan
    t.equal(commit.state, 'pending', 'never recorded');
  },
);

t.test(
  'health failed after the migration ran: the replicas go first, and then the migration is taken back',
  async (t) => {
    const { said, operation } = await carry(t, 'judge');
    t.equal(operation.state, 'rolled-back');
    const back = said.filter((one) => one.startsWith('undo '));
    t.ok(back.indexOf('undo exchange') < back.indexOf('undo migrate'), back.join(', '));
    t.ok(back.indexOf('undo migrate') < back.indexOf('undo switch-stack'));
    t.ok(back.indexOf('undo switch-stack') < back.indexOf('undo load-images'));
    t.strictSame(
      said.filter((one) => one === 'commit-upgrade' || one === 'tidy'),
      [],
    );
  },
);

t.test('rollback triggered because reporting failed: a listener that fails takes nothing back', async (t) => {
  const lab = await openJournal(t);
  lab.journal.listen(() => {
    throw new Error('the report could not be sent');
  });
  const { id } = lab.journal.create({ kind: 'upgrade', title: 'x', input: {}, steps: planOf('canary') });
  const all = { apply: async () => 'done' };
  const runner = runnerOn(lab, {
    executors: Object.fromEntries(planOf('canary').map(({ type }) => [type, all])),
  });
  runner.start(id);
  await runner.finished(id);
  t.equal(lab.journal.get(id).state, 'done');
});

t.test(
  'an Exited replica was restarted instead of replaced: it is removed before one is started',
  async (t) => {
    const lab = await exchangeLab(t, [
      { id: 'old', side: 'stale', status: 'running' },
      { id: 'ended', side: 'fresh', status: 'exited' },
    ]);
    await lab.go(share(0, 1), share(1, 0));
    t.strictSame(lab.done, ['remove ended', 'start fresh-2', 'stop old', 'remove old']);
    t.match(lab.replicas, [{ id: 'fresh-2', status: 'running' }]);
  },
);

t.test("the failure's own logs were gone: its last words are in the operation's story", async (t) => {
  const lab = await exchangeLab(t, [
    { id: 'old', side: 'stale', status: 'running' },
    { id: 'ended', side: 'fresh', status: 'exited' },
  ]);
  await lab.back(share(0, 1), share(1, 0));
  t.strictSame(lab.notes, ['ended: ended said why']);
  t.strictSame(lab.done, ['remove ended']);
});

t.test('a bundle deleted during the upgrade is missed only until its images are loaded', async (t) => {
  const steps = planOf('blue-green');
  const readers = steps.filter(({ input }) => typeof (input as { bundle?: object }).bundle === 'object');
  t.strictSame(
    readers.map(({ type }) => type),
    ['keep-release', 'load-images'],
    'and verify-bundle, which comes before them',
  );
  const last = steps.findIndex(({ type }) => type === 'load-images');
  t.ok(last < steps.findIndex(({ type }) => TOUCHES.test(type)), 'nothing has been touched by then');
});

t.test(
  'hard-stop versions trap people: from every version the way that is told leads to the newest',
  async (t) => {
    const rule = (stops: string[], from?: string) => ({ stops, ...(from === undefined ? {} : { from }) });
    const releases = [
      { product: 'notes', version: '1.0.0', upgrade: rule([]) },
      { product: 'notes', version: '1.3.0', upgrade: rule([], '>=1.0.0') },
      { product: 'notes', version: '2.0.0', upgrade: rule(['1.3.0'], '>=1.0.0') },
      { product: 'notes', version: '2.5.0', upgrade: rule(['1.3.0', '2.0.0'], '>=1.0.0') },
    ];
    for (const { version: start } of releases) {
      const way = [start];
      while (way.at(-1) !== '2.5.0' && way.length < 9) {
        const installed = { product: 'notes', version: way.at(-1)! };
        let next = releases.at(-1)!;
        for (;;) {
          const path = checkUpgradePath(installed, next);
          if (path.kind !== 'refused') break;
          const named = /^Install (\S+) first/.exec(path.error.next ?? '')?.[1];
          next = releases.find(({ version }) => version === named)!;
        }
        way.push(next.version);
      }
      t.equal(way.at(-1), '2.5.0', way.join(' → '));
    }
  },
);

t.test(
  'an update left a 502: the edge names who answers before the stack changes, and is settled after all',
  async (t) => {
    for (const strategy of STRATEGIES) {
      const types = planOf(strategy).map(({ type }) => type);
      t.ok(types.indexOf('list-edge') < types.findIndex((type) => TOUCHES.test(type)), strategy);
      t.ok(
        types.indexOf('settle-edge') >
          types.findLastIndex((type) => type === 'exchange' || type === 'replace-edge'),
      );
      t.ok(
        types.indexOf('smoke-test') > types.indexOf('settle-edge'),
        'asked as a client would, before it is recorded',
      );
    }
  },
);

// What an installation does, as data: the order, what may be taken back, and that no secret stands in it.

import t from 'tap';
import { createLogger } from '../../../src/base/log.ts';
import { GIB, MIB } from '../../../src/base/units.ts';
import { installExecutors, type DeployTools } from '../../../src/deploy/index.ts';
import { planInstall, type InstallFacts } from '../../../src/deploy/install-plan.ts';
import { leastMachine, machineDemand } from '../../../src/deploy/machine-demand.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { planSize } from '../../../src/sizing/index.ts';
import { holderName, sizingDemandFrom } from '../../../src/stack/index.ts';
import { targetOf } from './plan-target.ts';
import { openFolder, openStore, releaseText, releaseWith } from '../stack/lab.ts';

const nothing: InstallFacts = { secrets: [], images: [], volumes: [], services: [], isInstalled: false };

const release = parseRelease(releaseText, 'compose.yaml');
const target = targetOf(release);
const plan = planInstall(target, nothing);
const startsOf = (steps: typeof plan) =>
  steps
    .filter(({ type }) => type === 'start-services')
    .map(({ input }) => input as { services: string[]; absent: string[] });

t.test('the order: look, keep, prepare, data, users, migrate, app and edge, smoke, commit', async (t) => {
  t.strictSame(
    plan.map(({ type }) => type),
    [
      'preflight',
      'verify-bundle',
      'keep-release',
      'remember-size',
      'make-secrets',
      'load-images',
      'make-volumes',
      'write-stack',
      'open-secrets',
      'start-services',
      'make-users',
      'make-buckets',
      'migrate',
      'start-services',
      'smoke-test',
      'commit',
    ],
  );
  t.strictSame(
    startsOf(plan).map(({ services }) => services),
    [
      ['mysql', 'redis', 'minio'],
      ['app', holderName, 'nginx'],
    ],
  );
});

t.test('every step has a title for people', async (t) => {
  for (const { title } of plan) t.match(title, /^[A-Z].{3,80}[^.]$/);
  t.ok(plan.some(({ title }) => title === 'Start Notes and the edge'));
});

t.test('on a bare machine everything may be taken back', async (t) => {
  const input = Object.fromEntries(plan.map((step) => [step.type, step.input])) as Record<
    string,
    { missing?: string[]; isNew?: boolean }
  >;
  t.strictSame(input['make-secrets']?.missing, target.secrets);
  t.strictSame(
    input['load-images']?.missing,
    target.images.map(({ tag }) => tag),
  );
  t.strictSame(input['make-volumes']?.missing, ['notes_mysql-data', 'notes_redis-data', 'notes_minio-data']);
  for (const type of ['keep-release', 'remember-size', 'write-stack', 'open-secrets'])
    t.equal(input[type]?.isNew, true, type);
  for (const { services, absent } of startsOf(plan)) t.strictSame(absent, services);
});

t.test('of what stood before, nothing may be taken back', async (t) => {
  const some: InstallFacts = {
    secrets: ['mysql_password', 'unrelated'],
    images: ['x/app:sha256-1'],
    volumes: ['notes_redis-data', 'other'],
    services: ['mysql', holderName],
    isInstalled: false,
  };
  const input = Object.fromEntries(
    planInstall(target, some).map((step) => [step.type, step.input]),
  ) as Record<string, { missing: string[] }>;
  t.strictSame(
    input['make-secrets']!.missing,
    target.secrets.filter((name) => name !== 'mysql_password'),
  );
  t.notOk(input['load-images']!.missing.includes('x/app:sha256-1'));
  t.strictSame(input['make-volumes']!.missing, ['notes_mysql-data', 'notes_minio-data']);
  t.strictSame(
    startsOf(planInstall(target, some)).map(({ absent }) => absent),
    [
      ['redis', 'minio'],
      ['app', 'nginx'],
    ],
  );
});

t.test('a repair takes nothing back', async (t) => {
  const all: InstallFacts = {
    secrets: target.secrets,
    images: target.images.map(({ tag }) => tag),
    volumes: target.volumes.map(({ name }) => name),
    services: [...release.services.map(({ name }) => name), holderName],
    isInstalled: true,
  };
  const steps = planInstall(target, all);
  t.strictSame(
    steps.map(({ type }) => type),
    plan.map(({ type }) => type),
    'the same steps; each finds that it holds',
  );
  for (const { type, input } of steps) {
    const {
      missing = [],
      absent = [],
      isNew = false,
    } = input as { missing?: string[]; absent?: string[]; isNew?: boolean };
    t.strictSame([missing, absent, isNew], [[], [], false], type);
  }
});

t.test('a release with less in it plans less', async (t) => {
  const small = parseRelease(releaseWith(''), 'compose.yaml');
  const steps = planInstall(targetOf(small), nothing);
  const types = steps.map(({ type }) => type);
  for (const type of ['make-users', 'make-buckets', 'migrate']) t.notOk(types.includes(type), type);
  t.strictSame(
    startsOf(steps).map(({ services }) => services),
    [['app', holderName, 'nginx']],
  );
  t.strictSame(types.slice(-2), ['smoke-test', 'commit']);
});

t.test(
  'workers and carried services start with the app, and each app migrates before any of them',
  async (t) => {
    const text = releaseWith(`jobs: { image: 'a/jobs:1', x-onstead: { role: worker } }
mail: { image: 'a/mail:1' }
admin: { image: 'a/admin:1', x-onstead: { role: app, port: 1, health: /h, ready: /r, migrate: { up: [go], reversible: false } } }
redis: { image: 'a/redis:1', x-onstead: { role: redis } }`);
    const steps = planInstall(targetOf(parseRelease(text, 'compose.yaml')), nothing);
    t.strictSame(
      startsOf(steps).map(({ services }) => services),
      [['redis'], ['app', 'jobs', 'mail', 'admin', holderName, 'nginx']],
    );
    const migrate = steps.findIndex(({ type }) => type === 'migrate');
    t.match(steps[migrate], { input: { service: 'admin', up: ['go'] } });
    t.ok(
      migrate < steps.findIndex(({ input }) => (input as { services?: string[] }).services?.includes('app')),
    );
  },
);

t.test('the same facts give the same plan, and the journal can keep it', async (t) => {
  t.strictSame(planInstall(target, nothing), plan);
  t.strictSame(JSON.parse(JSON.stringify(plan)), plan);
});

t.test('no value of a secret stands in any input', async (t) => {
  const store = await openStore(await openFolder(t));
  await store.ensure(target.secrets);
  const text = JSON.stringify(planInstall(target, { ...nothing, secrets: store.names() }));
  for (const name of store.names()) t.notOk(text.includes(store.get(name)), name);
});

/** The table itself needs no room behind it: only its executors do. */
const executors = installExecutors({ log: createLogger('silent') } as DeployTools);

t.test('every step that can be planned has an executor', async (t) => {
  for (const { type } of plan) t.type(executors[type as keyof typeof executors]?.apply, 'function', type);
});

t.test('what makes something can take it back; what cannot is named here, with the reason', async (t) => {
  const without: Record<string, string> = {
    preflight: 'looks only',
    'verify-bundle': 'looks only',
    'make-users': 'lives in the data volume, which is taken back',
    'make-buckets': 'lives in the data volume, which is taken back',
    'smoke-test': 'looks only',
    commit: 'is the last step: nothing after it can fail',
  };
  const found = Object.entries(executors)
    .filter(([, one]) => one.undo === undefined)
    .map(([type]) => type);
  t.strictSame(found.sort(), Object.keys(without).sort());
  t.equal(plan.at(-1)?.type, 'commit');
});

t.test('only the proof verifies', async (t) => {
  t.strictSame(
    Object.entries(executors)
      .filter(([, one]) => one.verifies)
      .map(([type]) => type),
    ['smoke-test'],
  );
});

t.test('the least machine is one that sizing accepts, and a little less is refused', async (t) => {
  const demand = sizingDemandFrom(release, 2 * GIB);
  const { cpus, memoryBytes } = leastMachine(demand);
  const sized = (change: object) =>
    planSize({ cpus, memoryBytes, diskBytes: 1024 * GIB, rotational: false, ...change }, demand).ok;
  t.equal(sized({}), true);
  t.equal(sized({ memoryBytes: memoryBytes - MIB }), false);
  t.equal(sized({ cpus: cpus * 0.9 }), false);
});

t.test('preflight asks for this very bundle', async (t) => {
  const demand = machineDemand(target.needs);
  t.match(demand, {
    arch: 'x64',
    cpus: 1,
    memoryBytes: GIB,
    project: 'notes',
    releaseDate: new Date('2026-11-20T00:00:00Z'),
  });
  t.ok(demand.engineBytes > 1.5 * GIB, 'images are unpacked beside their packed form');
  t.equal(machineDemand({ ...target.needs, imagesToLoad: false }).engineBytes, 0);
  t.equal(machineDemand({ ...target.needs, architecture: 'arm64' }).arch, 'arm64');
  t.equal(machineDemand({ ...target.needs, architecture: 'riscv64' }).arch, 'riscv64');
});

// The steps that need no engine, over a real journal, real secrets and a real folder.

import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createLogger } from '../../../src/base/log.ts';
import { pathsUnder } from '../../../src/base/paths.ts';
import { installExecutors, readFact, type DeployTools } from '../../../src/deploy/index.ts';
import { renewCertificate } from '../../../src/deploy/upkeep.ts';
import type { InstallSteps } from '../../../src/deploy/install-plan.ts';
import { readSeen } from '../../../src/deploy/seen-versions.ts';
import type { ExecutorTable, StepContext } from '../../../src/journal/index.ts';
import { parseRelease } from '../../../src/release/index.ts';
import {
  certificateSecrets,
  reopenSecrets,
  SecretStore,
  secretNamesOf,
  type Settings,
} from '../../../src/stack/index.ts';
import { openJournal, type JournalLab } from '../journal/lab.ts';
import { inputFor, releaseText, settings } from '../stack/lab.ts';

interface Steps extends JournalLab {
  readonly tools: DeployTools;
  readonly steps: ExecutorTable<InstallSteps>;
}

const context: StepContext = {
  operation: 'install-1',
  signal: new AbortController().signal,
  progress: () => {},
  note: () => {},
};
const release = parseRelease(releaseText, 'compose.yaml');
const bundle = { path: '/bundles/notes.tar', id: 'abc' };

async function openSteps(t: { teardown(end: () => unknown): void }): Promise<Steps> {
  const lab = await openJournal(t);
  const paths = pathsUnder(lab.folder);
  const unused = (): never => {
    throw new Error('this step needs no engine and no machine');
  };
  const tools = {
    journal: lab.journal,
    paths,
    clock: lab.clock,
    log: createLogger('silent'),
    settings: (): Settings => settings,
    secrets: await SecretStore.open({
      folder: paths.secrets,
      machineKeyPath: paths.machineKey,
      clock: lab.clock,
    }),
    // A bundle that was verified already: only its release is read here.
    bundles: {
      use: (_bundle: unknown, _options: unknown, work: (opened: object) => unknown) =>
        work({ readText: async () => releaseText }),
    },
    engine: unused,
    compose: unused,
    machine: unused,
  } as unknown as DeployTools;
  return { ...lab, tools, steps: installExecutors(tools) };
}

const names = [...secretNamesOf(release), certificateSecrets.authority, certificateSecrets.authorityKey];
const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

t.test(
  'secrets and certificates are made, hold, and are taken back as far as they were missing',
  async (t) => {
    const { steps, tools } = await openSteps(t);
    await tools.secrets.set('mysql_password', 'from before');
    const input = { names, hosts: ['localhost'], missing: names.filter((name) => name !== 'mysql_password') };
    const step = steps['make-secrets'];
    t.equal(await step.holds!(input, context), false);
    t.match(await step.apply(input, context), /^\d+ secrets made, certificate signed$/);
    t.equal(await step.holds!(input, context), true);
    t.equal(tools.secrets.get('mysql_password'), 'from before');
    t.match(tools.secrets.get('s3_access_key'), /^[0-9a-f]{20}$/);
    t.match(tools.secrets.get('s3_secret_key'), /^[0-9a-f]{64}$/);
    await step.undo!(input, context);
    t.strictSame(tools.secrets.names(), ['mysql_password']);
  },
);

t.test('a secret that was there when the plan was made is never made anew', async (t) => {
  const { steps, tools } = await openSteps(t);
  const missing = names.filter((name) => name !== 'mysql_password');
  const input = { names, hosts: ['localhost'], missing };
  t.equal(await steps['make-secrets'].holds!(input, context), false);
  await t.rejects(steps['make-secrets'].apply(input, context), {
    code: 'secret.lost',
    next: /may hold the last copy.*cp -a .*back from a backup.*--uninstall/,
  });
  t.strictSame(tools.secrets.names(), [], 'nothing was made beside it');
});

t.test('opened secrets stay as they are when the sealed ones are gone', async (t) => {
  const { steps, tools } = await openSteps(t);
  const { stack, unsealed } = tools.paths;
  await mkdir(stack, { recursive: true });
  await writeFile(join(stack, 'compose.yaml'), releaseText);
  await mkdir(join(unsealed, 'mysql'), { recursive: true });
  await writeFile(join(unsealed, 'mysql/mysql_password'), 'the last copy');
  const input = { isNew: false };
  await t.rejects(steps['open-secrets'].holds!(input, context), { code: 'secret.lost' });
  await t.rejects(steps['open-secrets'].apply(input, context), { code: 'secret.lost' });
  await t.rejects(reopenSecrets(tools.paths, release, tools.clock), { code: 'secret.lost' });
  t.equal(await readFile(join(unsealed, 'mysql/mysql_password'), 'utf8'), 'the last copy');
});

t.test('no other authority is made in place of a lost one', async (t) => {
  const { tools, journal } = await openSteps(t);
  journal.setFact('installed', { product: 'notes', version: '1.0.0', project: 'notes' });
  await tools.secrets.set('mysql_password', 'from before');
  await t.rejects(renewCertificate(tools), { code: 'secret.lost', message: /edge_ca\.crt/ });
  t.strictSame(tools.secrets.names(), ['mysql_password']);
});

t.test('another name of the machine, or an end that is near, needs doing', async (t) => {
  const { steps, clock } = await openSteps(t);
  const step = steps['make-secrets'];
  const input = { names, hosts: ['localhost'], missing: names };
  await step.apply(input, context);
  const named = { ...input, hosts: ['localhost', 'notes.example.org'] };
  t.equal(await step.holds!(named, context), false);
  t.equal(await step.apply(named, context), '0 secrets made, certificate signed');
  t.equal(await step.holds!(named, context), true);
  clock.advance(310 * 86_400_000);
  t.equal(await step.holds!(named, context), false);
});

t.test(
  'the release is kept, the machine divided, the stack written and the secrets opened; and all taken back',
  async (t) => {
    const { steps, tools, journal } = await openSteps(t);
    const { plan } = inputFor(release);
    const version = release.version;
    const images = release.services.map(({ name }) => ({
      service: name,
      tag: `x/${name}:1`,
      configDigest: 'sha256:1',
      diffIds: [],
    }));
    const volumes = release.volumes.map((key) => ({ key, name: `notes_${key}`, owner: '1:1' }));
    const inputs: {
      [
        Type in 'keep-release' | 'remember-size' | 'make-secrets' | 'write-stack' | 'open-secrets'
      ]: InstallSteps[Type];
    } = {
      'keep-release': { bundle, version, isNew: true },
      'remember-size': { plan, isNew: true },
      'make-secrets': { names, hosts: ['localhost'], missing: names },
      'write-stack': { project: 'notes', version, images, volumes, holderImage: 'x/nginx:1', isNew: true },
      'open-secrets': { isNew: true },
    };
    const types = Object.keys(inputs) as (keyof typeof inputs)[];
    for (const type of types) {
      const step = steps[type];
      // A step that was cut off is begun again: all of it may be called twice.
      for (let time = 0; time < 2; time += 1) {
        if (time === 0)
          t.equal(await step.holds!(inputs[type] as never, context), false, `${type} is not there yet`);
        await step.apply(inputs[type] as never, context);
        t.equal(await step.holds!(inputs[type] as never, context), true, `${type} holds`);
      }
    }
    t.equal(readFact(journal, 'holderImage'), 'x/nginx:1');
    for (const type of types.toReversed()) {
      for (let time = 0; time < 2; time += 1) await steps[type].undo!(inputs[type] as never, context);
    }
    for (const path of [tools.paths.stack, tools.paths.unsealed, join(tools.paths.releases, version)])
      t.equal(await isThere(path), false, path);
    t.strictSame(tools.secrets.names(), []);
    for (const fact of ['sizing', 'holderImage', 'installed'] as const)
      t.equal(readFact(journal, fact), undefined, fact);
  },
);

t.test('a repair takes nothing of the installation back', async (t) => {
  const { steps, tools, journal } = await openSteps(t);
  const { plan } = inputFor(release);
  await steps['keep-release'].apply({ bundle, version: '1.0.0', isNew: false }, context);
  await steps['remember-size'].apply({ plan, isNew: false }, context);
  await steps['keep-release'].undo!({ bundle, version: '1.0.0', isNew: false }, context);
  await steps['remember-size'].undo!({ plan, isNew: false }, context);
  t.ok(await isThere(join(tools.paths.releases, '1.0.0')));
  t.ok(readFact(journal, 'sizing'));
});

t.test('the commit remembers what is installed and the highest version seen', async (t) => {
  const { steps, journal, tools } = await openSteps(t);
  const input = {
    product: 'notes',
    title: 'Notes',
    version: '1.0.0',
    project: 'notes',
    keyId: 'KEY',
    bundle: 'abc',
  };
  t.equal(await steps.commit.holds!(input, context), false);
  await steps.commit.apply(input, context);
  t.equal(await steps.commit.holds!(input, context), true);
  t.match(readFact(journal, 'installed'), { ...input, installedAt: '2026-11-21T05:00:00.000Z' });
  t.match(JSON.stringify(await readSeen(tools.paths)), /1\.0\.0/);
  t.equal(await steps.commit.holds!({ ...input, bundle: 'other' }, context), false);
});

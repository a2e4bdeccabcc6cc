// What is refused before an installation is planned, over a real bundle, journal and secret store; the engine is one of
// the test's own that knows which volumes there are.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { pathsUnder, type Paths } from '../../../src/base/paths.ts';
import { BundleShelf, prepareInstall, type DeployTools } from '../../../src/deploy/index.ts';
import { refuseLostSecrets } from '../../../src/deploy/lost-secrets.ts';
import type { Journal } from '../../../src/journal/index.ts';
import { parseRelease, type VerifiedBundle } from '../../../src/release/index.ts';
import { SecretStore } from '../../../src/stack/index.ts';
import { releaseText, settings } from '../stack/lab.ts';
import { buildTiny, pair } from '../release/bundle-fixture.ts';
import { openJournal } from '../journal/lab.ts';

interface Standing {
  /** The names of data volumes of ours. */
  readonly volumes: string[];
  readonly project: string;
  readonly journal: Journal;
  readonly paths: Paths;
  readonly secrets: SecretStore;
}

const PAST_THE_REFUSALS = /the machine is looked at/;

async function openInstall(t: { teardown(end: () => unknown): void }) {
  const { journal, folder, clock } = await openJournal(t);
  const paths = pathsUnder(folder);
  await mkdir(paths.trust, { recursive: true });
  await writeFile(join(paths.trust, 'vendor.pub'), pair.publicKey);
  const { path } = await buildTiny(folder, { outPath: join(folder, 'tiny.tar') });
  const bundles = new BundleShelf(paths.trust, journal);
  t.teardown(() => bundles.close());
  const release = await bundles.usePath(path, {}, async (bundle) => bundle.release);
  const { product, version } = release;
  const secrets = await SecretStore.open({ folder: paths.secrets, machineKeyPath: paths.machineKey, clock });
  const volumes: string[] = [];
  const labels = { 'onstead.volume': 'x', 'onstead.project': product };
  const engine = {
    containers: { list: async () => [] },
    images: { inspect: async () => undefined, list: async () => [] },
    networks: { list: async () => [] },
    volumes: {
      inspect: async (name: string) => (volumes.includes(name) ? { name, labels } : undefined),
      list: async () => volumes.map((name) => ({ name, labels })),
    },
  };
  const standing: Standing = { volumes, project: product, journal, paths, secrets };
  const prepare = (project = product) => {
    const tools = {
      ...{ journal, paths, bundles, secrets, clock },
      engine: async () => engine,
      settings: () => ({ ...settings, project }),
      machine: () => Promise.reject(new Error('the machine is looked at')),
    };
    return prepareInstall(tools as unknown as DeployTools, path, {
      onProgress: () => {},
      signal: new AbortController().signal,
    });
  };
  const install = () => journal.setFact('installed', { product, version, project: product });
  return { ...standing, release, prepare, install };
}

t.test('a machine on which nothing ever was is not asked for secrets', async (t) => {
  const { prepare } = await openInstall(t);
  await t.rejects(prepare(), PAST_THE_REFUSALS);
});

t.test('another project than the installed one is refused, with the line to put back', async (t) => {
  const { prepare, install, project, secrets } = await openInstall(t);
  install();
  await secrets.set('one', 'a secret');
  await t.rejects(prepare('other'), {
    code: 'settings.project',
    message: `The project was changed from "${project}" to "other"`,
    next: `\`project: ${project}\` back into`,
  });
  await t.rejects(prepare(project), PAST_THE_REFUSALS);
});

t.test('where the secret store is gone and anything of the stack is left, none is made', async (t) => {
  const left: Readonly<Record<string, (lab: Awaited<ReturnType<typeof openInstall>>) => unknown>> = {
    'an installed release': ({ install }) => install(),
    'a data volume': ({ volumes }) => volumes.push('of_another_project'),
    'opened secrets': ({ paths }) => mkdir(join(paths.unsealed, 'mysql'), { recursive: true }),
  };
  for (const [what, leave] of Object.entries(left)) {
    const lab = await openInstall(t);
    await leave(lab);
    await t.rejects(lab.prepare(), { code: 'secret.lost', message: /secrets\.json is gone/ }, what);
    t.strictSame(lab.secrets.names(), []);
    await lab.secrets.set('one', 'put back from a backup');
    await t.rejects(lab.prepare(), PAST_THE_REFUSALS, `${what}, and the secrets`);
  }
});

t.test('a secret that a data volume was made with is not made anew; one for new data is', async (t) => {
  const { journal, paths, secrets } = await openInstall(t);
  const bundle = { release: parseRelease(releaseText, 'compose.yaml') } as VerifiedBundle;
  const tools = { journal, paths, secrets } as DeployTools;
  await secrets.set('redis_password', 'a secret');
  const withVolumes = (...services: string[]) =>
    refuseLostSecrets(tools, bundle, (name) => (services.includes(name) ? [`notes_${name}-data`] : []));
  await t.resolves(withVolumes());
  await t.resolves(withVolumes('redis'));
  await t.rejects(withVolumes('redis', 'mysql'), {
    code: 'secret.lost',
    message: /^Secrets are gone: mysql_password, mysql_root_password,/,
  });
});

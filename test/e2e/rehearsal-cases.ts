// A customer rehearses an upgrade while people use the application: it is tried on a copy of their data, nobody notices,
// and nothing of it is left.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { TestAppliance } from './appliance.ts';
import { demoBundle, type DemoBundle } from './demo-bundle.ts';
import { onEngine } from './footprint.ts';
import { startUsers } from './users.ts';

/** On an appliance on which that bundle is installed, and nothing else was done. */
export async function rehearsalCases(t: Test, appliance: TestAppliance, bundle: DemoBundle): Promise<void> {
  t.before(async () => {
    const { body } = await appliance.ask('/api/notes', { body: { title: 'with a file' } });
    const { id } = JSON.parse(body) as { id: number };
    await appliance.ask(`/api/notes/${id}/attachments?name=a.json`, { body: { much: 'x'.repeat(5_000) } });
  });

  const scratch = async (): Promise<string[]> => {
    const { engine, project } = appliance;
    const containers = await engine.containers.list({ project: `${project}-rehearsal` });
    const volumes = await engine.volumes.list({ labels: [`onstead.project=${project}-rehearsal`] });
    const networks = await engine.networks.list({
      labels: [`com.docker.compose.project=${project}-rehearsal`],
    });
    return [...containers, ...volumes, ...networks].map(({ name }) => name);
  };

  const images = async (): Promise<string[]> =>
    (await appliance.engine.images.list({ reference: `onstead.local/${appliance.project}/*` }))
      .flatMap(({ repoTags }) => repoTags)
      .toSorted();

  const running = async (): Promise<unknown> => ({
    parts: (await onEngine(appliance)).toSorted(),
    images: await images(),
    schema: await schema(),
  });

  const schema = async (): Promise<unknown> => {
    const status = ['exec', '-T', 'app', 'node', '/app/src/main.ts', 'migrate', 'status', '--json'];
    return JSON.parse((await appliance.compose(status)).stdout);
  };

  t.test('a release is tried on the data of now, and nobody notices', async (t) => {
    const { path } = await demoBundle('1.1.0');
    const before = await running();
    const users = await startUsers(appliance);
    const { code, stdout, stderr } = await appliance.onstead(['rehearse', path]);
    const seen = await users.stop();
    t.equal(code, 0, stdout + stderr);
    t.match(stdout, /data copied in [\d.]+ s, migrated in [\d.]+ s, healthy [\d.]+ s after its start; \d/);
    t.match(stdout, /0002 labels applied/, 'what the migration said is shown');
    t.match(stdout, /Copy some of the files into it .* 1 object, 4\.9 KB/);
    t.strictSame(seen.failures, []);
    t.strictSame(await scratch(), []);
    t.strictSame(await running(), before, 'what runs is what ran');
    const planned = await appliance.onstead(['upgrade', path]);
    t.match(planned.stdout, /Rehearsed +2\d\d\d-.*: data copied in/);
  });

  t.test('a migration that fails on this data is known before the upgrade', async (t) => {
    const { path } = await demoBundle('migration-fails');
    const before = await running();
    const { code, stdout, stderr } = await appliance.onstead(['rehearse', path]);
    t.equal(code, 5, stdout + stderr);
    t.match(stdout + stderr, /The migration failed: .*no_such_column/s);
    t.strictSame(await scratch(), []);
    t.strictSame(await running(), before, 'what runs is what ran');
    const planned = await appliance.onstead(['upgrade', path]);
    t.match(planned.stdout, /Rehearsed +.*: failed\. The migration failed/);
  });

  t.test('bad input gets one sentence', async (t) => {
    const none = await appliance.onstead(['rehearse', bundle.path]);
    t.match(none.stderr, /^error: Version 1\.0\.0 is installed already\.\nnext: /);
    const junk = join(appliance.paths.root, 'junk.tar');
    await writeFile(junk, 'no bundle');
    const refused = await appliance.onstead(['rehearse', junk]);
    t.not(refused.code, 0);
    t.match(refused.stderr, /^error: [^\n]+\nnext: [^\n]+\n$/);
  });
}

// The sealed secrets, or the key that opens them, are gone from an appliance that runs: nothing replaces them, nothing
// writes over the opened ones, and put back they are as before.

import { readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { TestAppliance } from './appliance.ts';
import type { DemoBundle } from './demo-bundle.ts';

/** On an appliance on which that bundle is installed, and nothing else was done. */
export async function lostSecretsCases(t: Test, appliance: TestAppliance, bundle: DemoBundle): Promise<void> {
  const { paths } = appliance;
  const store = join(paths.secrets, 'secrets.json');
  const opened = (): Promise<string> => readFile(join(paths.unsealed, 'mysql/mysql_root_password'), 'utf8');
  const isThere = (path: string): Promise<boolean> =>
    stat(path).then(
      () => true,
      () => false,
    );

  const running = async (): Promise<string> =>
    (await appliance.compose(['ps', '-q', '--status', 'running'])).stdout;
  const before = await opened();
  const runningBefore = await running();

  t.test('without the sealed secrets nothing is made anew, and the opened ones stay', async (t) => {
    await appliance.stop();
    await rename(store, `${store}.away`);
    await appliance.start();
    const status = await appliance.onstead(['status']);
    t.equal(status.code, 5, status.stdout);
    t.match(status.stdout, /secrets\.json is gone.*copy it away/);
    const again = await appliance.onstead(['install', bundle.path]);
    t.equal(again.code, 5, again.stdout + again.stderr);
    t.match(again.stderr, /secrets\.json is gone, and what they open is still here/);
    t.match(again.stderr, /next: .*last copy.*from a backup.*--uninstall/);
    const boot = await appliance.onstead(['boot']);
    t.equal(boot.code, 5);
    t.match(boot.stderr, /secrets\.json is gone/);
    t.equal(await isThere(store), false, 'no other store was made');
    t.equal(await opened(), before, 'the last copy is as it was');
    t.equal(await running(), runningBefore, 'what runs goes on');
  });

  t.test('put back, they are as before', async (t) => {
    await appliance.stop();
    await rename(`${store}.away`, store);
    await appliance.start();
    t.equal((await appliance.onstead(['status'])).code, 0);
    const again = await appliance.onstead(['install', bundle.path]);
    t.equal(again.code, 0, again.stdout + again.stderr);
    t.equal(await opened(), before);
  });

  t.test('without its key the daemon does not start, and says how to go on', async (t) => {
    await appliance.stop();
    await rename(paths.machineKey, `${paths.machineKey}.away`);
    await appliance.start();
    t.equal(appliance.isRunning, false);
    t.match(await appliance.log(), /machine\.key is missing.*\n?.*last copy/s);
    t.equal(await isThere(paths.machineKey), false, 'no other key was made');
    t.equal(await opened(), before);
    await rename(`${paths.machineKey}.away`, paths.machineKey);
  });
}

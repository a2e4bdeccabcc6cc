// The bundle's file goes away in the middle of an installation: nothing is taken back, and the new place is taken.

import { copyFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { TestAppliance } from './appliance.ts';
import { demoBundle } from './demo-bundle.ts';

t.setTimeout(600_000);

const bundle = await demoBundle();
const appliance = await TestAppliance.make({ publicKey: bundle.publicKey });
t.teardown(() => appliance.remove());

t.test('an installation whose bundle moved is stuck, and goes on from the place that is given', async (t) => {
  const [first, second] = ['first.tar', 'second.tar'].map((name) => join(appliance.paths.root, name));
  await copyFile(bundle.path, first!);
  await appliance.start({ ONSTEAD_FAULT: '6/load-images:before' });
  await appliance.onstead(['install', first!]);
  await appliance.ended();
  await rename(first!, second!);

  await appliance.start({ ONSTEAD_ENGINE_WAIT: '1' });
  while ((await appliance.operation()).state !== 'stuck') await sleep(100);
  const { id, error, steps } = await appliance.operation();
  t.match(error, {
    message: /bundle is not at .*first\.tar/,
    next: /back there, or give the same command with its new path/,
  });
  t.equal(steps.find(({ type }) => type === 'make-secrets')?.state, 'done', 'nothing was taken back');

  const installed = await appliance.onstead(['install', second!]);
  t.equal(installed.code, 0, installed.stdout + installed.stderr);
  t.match(await appliance.operation(), { id, state: 'done' });
});

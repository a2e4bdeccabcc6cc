// A disk for the state that is full, fills up in the middle, or is read-only: it is told, nothing is half done, and
// the same command works once there is room.

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { TestAppliance, runCommand, type CliResult } from './appliance.ts';
import { isClear, must } from './clear-answer.ts';
import { demoBundle } from './demo-bundle.ts';
import { footprint } from './footprint.ts';

t.setTimeout(600_000);

const STATE_DISK = '12G';

const bundle = await demoBundle();
const appliance = await TestAppliance.make({ publicKey: bundle.publicKey });
const { paths } = appliance;
const folder = `${paths.root}-in`;
const filler = join(paths.state, 'filler');
await mkdir(folder);
await mountStateDisk();
t.teardown(async () => {
  await appliance.stop('SIGKILL');
  await rm(filler, { force: true });
  await appliance.onstead(['uninstall', '--yes']);
  await runCommand('umount', [paths.state]);
  await appliance.remove();
  await rm(folder, { recursive: true, force: true });
});

/** A small disk of its own for the state, as large as preflight wants it and no larger. */
async function mountStateDisk(): Promise<void> {
  await mkdir(paths.state, { recursive: true });
  const image = join(folder, 'state.img');
  await must('truncate', ['-s', STATE_DISK, image]);
  await must('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
  await must('mount', ['-o', 'loop', image, paths.state]);
}

/** Not one more byte fits. */
async function fillDisk(): Promise<void> {
  const free = await must('df', ['--output=avail', '-B4096', paths.state]);
  // Some of it goes to the file system's own blocks, so the last of it is written.
  await runCommand('fallocate', ['-l', `${Number(free.split('\n')[1]) * 4096 - 16 * 1024 ** 2}`, filler]);
  await runCommand('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k', 'oflag=append', 'conv=notrunc']);
}

const install = (): Promise<CliResult> => appliance.onstead(['install', bundle.path]);

t.test('a state disk that is full from the start or read-only is told, and nothing is begun', async (t) => {
  await appliance.start();
  const before = await footprint(appliance);
  await fillDisk();
  const full = await install();
  await rm(filler);
  t.equal(full.code, 4, full.stderr);
  t.match(full.stdout + full.stderr, /full|no space|room/i);
  isClear(t, full);

  await appliance.stop();
  await must('mount', ['-o', 'remount,ro', paths.state]);
  const readOnly = await appliance.onstead(['serve']);
  await must('mount', ['-o', 'remount,rw', paths.state]);
  t.equal(readOnly.code, 4, readOnly.stderr);
  t.match(readOnly.stderr, /read-only/i);
  isClear(t, readOnly);
  await appliance.start();
  t.strictSame(await footprint(appliance), before);
});

t.test(
  'a state disk that fills up again and again holds an installation up, and does not break it',
  async (t) => {
    const before = await footprint(appliance);
    const installing = install();
    for (const type of ['keep-release', 'load-images', 'write-stack', 'start-services']) {
      if (!(await reaches(type))) break;
      await fillDisk();
      await sleep(5_000);
      const { stdout } = await appliance.onstead(['status', '--json']);
      const { attention } = JSON.parse(stdout) as { attention: { what: string }[] };
      t.match(attention[0], { what: `There is no room on ${paths.state}.` }, type);
      t.notMatch((await appliance.operation()).state, /^done$/, `${type}: nothing is finished without room`);
      await rm(filler);
    }
    const first = await installing;
    const { state } = await appliance.operation();
    t.match(state, /^(done|rolled-back)$/, 'it ended whole or not at all');
    t.match(await appliance.log(), /waiting for room on the disk/);
    t.match(first.stdout, `Waiting: no room on ${paths.state}.\n`, 'whoever watches is told');
    t.match(first.stdout, 'It goes on.\n');
    if (state === 'rolled-back') {
      isClear(t, first);
      t.match(first.stdout, /The disk is full/);
      t.strictSame(await footprint(appliance), before, 'nothing is left');
    }
    const again = await install();
    t.equal(again.code, 0, again.stdout + again.stderr);
    t.equal((await appliance.onstead(['status'])).code, 0);
  },
);

/** False when the operation ended before it came to this step. */
async function reaches(type: string): Promise<boolean> {
  for (;;) {
    const operation = await appliance.operation().catch(() => undefined);
    const state = operation?.steps.find((step) => step.type === type)?.state ?? 'pending';
    if (state !== 'pending') return true;
    if (['rolling-back', 'rolled-back', 'stuck'].includes(operation?.state ?? '')) return false;
    await sleep(20);
  }
}

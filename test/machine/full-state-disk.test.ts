// A disk that is full where everything of Onstead stands, on a machine of its own: the daemon that is killed there
// comes back by itself when there is room.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { runCommand, type CliResult } from '../e2e/appliance.ts';
import { PrivateMachine } from '../e2e/private-machine.ts';

t.setTimeout(180_000);

const checkout = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const supervisor = 'sh /disk/opt/onstead/current/installer/supervise.sh';

const machine = new PrivateMachine();
t.teardown(() => machine.remove());

function inside(script: string): Promise<CliResult> {
  const [command, ...args] = [...machine.prefix, 'sh', '-c', `export ONSTEAD_ROOT=/disk; ${script}`];
  return runCommand(command!, args, {});
}

async function answers(): Promise<boolean> {
  return /startedAt/.test((await inside('/disk/opt/onstead/current/bin/onstead version --json')).stdout);
}

const pidOf = (name: string): number =>
  Number(readFileSync(machine.seen(`/disk/run/onstead/${name}`), 'utf8').split(' ')[0]);

t.before(async () => {
  await machine.boot(['/disk']);
  await inside('mount -o remount,size=8M /disk');
  const program = machine.seen('/disk/opt/onstead/current');
  mkdirSync(join(program, 'bin'), { recursive: true });
  const launcher = `#!/bin/sh\nexec '${process.execPath}' '${checkout}/src/main.ts' "$@"\n`;
  writeFileSync(join(program, 'bin/onstead'), launcher, { mode: 0o755 });
  await inside(`cp -r '${checkout}/installer' /disk/opt/onstead/current/`);
});

t.test('a daemon that is killed on a full disk comes back when there is room', async (t) => {
  const started = await inside(`${supervisor} start`);
  t.equal(started.code, 0, started.stderr);
  t.ok(await answers());
  await inside('dd if=/dev/zero of=/disk/filler bs=4k 2>/dev/null');
  t.not((await inside('echo more >/disk/more')).code, 0, 'nothing more fits');
  const supervisorPid = pidOf('supervisor');
  await inside(`kill -9 ${pidOf('daemon')}`);
  await sleep(6_000);
  t.notOk(await answers());
  t.equal((await inside(`kill -0 ${supervisorPid}`)).code, 0, 'the supervisor goes on');

  const tried = await inside('/disk/opt/onstead/current/bin/onstead serve');
  t.not(tried.code, 0);
  t.match(
    tried.stderr,
    /^error: The disk is full: \/disk\/.* could not be written\.\nnext: Free some space on that disk/,
  );

  await inside('rm -f /disk/filler /disk/more');
  for (let second = 0; second < 45 && !(await answers()); second += 1) await sleep(1_000);
  t.ok(await answers(), 'it came back');
  t.match(await inside(`${supervisor} status`), { code: 0, stdout: /^running/ });
  t.equal((await inside(`${supervisor} stop`)).stdout, 'the daemon was stopped\n');
  t.notOk(existsSync(machine.seen('/disk/run/onstead/daemon')));
});

// The installer on a machine with systemd, from the first line to the day it is removed.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { programBundle } from '../e2e/program-bundle.ts';
import { SystemdMachine } from './systemd-machine.ts';

t.setTimeout(600_000);

const checkout = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const script = join(checkout, 'installer/install.sh');
const engineScript = join(checkout, 'installer/engine.sh');
const noteProgram = join(checkout, 'test/e2e/note-with-file.ts');
const UNITS = ['onstead-secrets.service', 'onstead-stack.service', 'onstead.service'];
const COMES_BACK_WITHIN_MS = 120_000;

const cgroupMounts = (): string =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes('cgroup'))
    .join('\n');

const mountsBefore = cgroupMounts();
const bundle = await programBundle('0.1.0');
const machine = new SystemdMachine();
t.teardown(() => machine.remove());
let bare: string[];

async function makeNote(title: string): Promise<{ code: number; stdout: string; stderr: string }> {
  await machine.run('sh', '-c', 'onstead certificate >/run/ca.pem');
  const words = ['https://localhost', title, 'attached'];
  return machine.run('env', 'NODE_EXTRA_CA_CERTS=/run/ca.pem', process.execPath, noteProgram, ...words);
}

const unitStates = async (verb: 'is-active' | 'is-enabled'): Promise<string[]> =>
  (await machine.run('systemctl', verb, ...UNITS)).stdout.trim().split('\n');

const daemonPid = async (): Promise<number> =>
  Number((await machine.run('systemctl', 'show', '-p', 'MainPID', '--value', 'onstead.service')).stdout);

/** Undefined once a note can be made; otherwise what is wrong. */
async function untilNoteIsMade(title: string): Promise<string | undefined> {
  const giveUpAtMs = performance.now() + COMES_BACK_WITHIN_MS;
  for (;;) {
    const { code, stderr } = await makeNote(title);
    if (code === 0) return undefined;
    if (performance.now() > giveUpAtMs) return stderr;
    await sleep(500);
  }
}

const titles = async (): Promise<string> =>
  (await machine.run('docker', 'exec', 'notes-mysql-1', 'sh', '-c', SELECT_TITLES)).stdout;
const SELECT_TITLES =
  'mysql --defaults-extra-file=/run/secrets/admin.cnf -N notes -e "SELECT title FROM notes"';

t.test('a machine with systemd boots, with an engine and nothing of Onstead', async (t) => {
  await machine.boot();
  t.equal((await machine.run('systemctl', 'is-system-running')).stdout.trim(), 'running');
  t.equal((await machine.run('systemctl', 'is-active', 'docker')).stdout.trim(), 'active');
  bare = machine.changes();
});

t.test('an engine that is installed and stopped is started by systemd', async (t) => {
  await machine.run('systemctl', 'stop', 'docker.socket', 'docker.service');
  const state = 'ONSTEAD_ENGINE_STATE=/run/engine';
  const { code, stderr } = await machine.run('env', state, 'sh', engineScript, 'ensure');
  t.equal(code, 0, stderr);
  t.match(stderr, /starting the engine \(systemctl start docker\)/);
  t.equal((await machine.run('systemctl', 'is-active', 'docker')).stdout.trim(), 'active');
  t.equal((await machine.run('cat', '/run/engine/made')).stdout, 'service docker\n');
});

t.test('install.sh puts its units in place, and they run', async (t) => {
  const { code, stdout, stderr } = await machine.run('sh', script, bundle.path, '--trust', bundle.publicKey);
  t.equal(code, 0, stdout + stderr);
  t.match(stdout, /service {4}onstead\.service \(systemd\)/);
  t.equal((await unitStates('is-active'))[2], 'active');
  t.strictSame(await unitStates('is-enabled'), ['enabled', 'enabled', 'enabled']);
  t.equal(await untilNoteIsMade('before the reboot'), undefined);
  const journal = (await machine.run('journalctl', '-u', 'onstead', '--no-pager')).stdout;
  t.match(journal, /"ready"/, 'its log is in the journal');
});

t.test('a daemon that was killed is started again by systemd', async (t) => {
  const pid = await daemonPid();
  await machine.run('kill', '-9', String(pid));
  while ([pid, 0].includes(await daemonPid())) await sleep(100);
  t.equal((await unitStates('is-active'))[2], 'active');
});

t.test('a daemon that keeps ending is told by install.sh with its reason', async (t) => {
  const file = '/etc/onstead/onstead.yaml';
  await machine.run('sh', '-c', `cp ${file} /root/right && echo 'colour: red' >${file}`);
  await machine.run('systemctl', 'stop', 'onstead.service');
  const told = await machine.run('sh', script, bundle.path, '--trust', bundle.publicKey);
  t.equal(told.code, 6, told.stdout + told.stderr);
  t.match(
    told.stderr,
    /^error: The daemon ends as soon as .*journalctl -u onstead\):\n {2}error: The settings /,
  );
  t.match(told.stderr, /onstead\.yaml:1:1 "colour" is not a key/);
  await machine.run('sh', '-c', `mv /root/right ${file}; systemctl restart onstead.service`);
  while ((await daemonPid()) === 0) await sleep(100);
  t.equal((await unitStates('is-active'))[2], 'active');
});

// Reboots with the daemon, and power cuts, are reboot.test.ts; here it is systemd that starts what is started.
t.test('after a reboot with the daemon disabled everything is there again', async (t) => {
  await machine.run('systemctl', 'disable', '--now', 'onstead.service');
  await machine.reboot();
  t.equal(await untilNoteIsMade('without the daemon'), undefined);
  t.strictSame(await unitStates('is-active'), ['active', 'active', 'inactive']);
  t.equal((await machine.run('systemctl', 'is-system-running')).stdout.trim(), 'running');
  t.match(await titles(), /before the reboot/);
});

t.test('uninstalled it leaves no unit, no file and nothing on the engine', async (t) => {
  const { code, stdout, stderr } = await machine.run('sh', script, '--uninstall');
  t.equal(code, 0, stdout + stderr);
  t.equal(
    (await machine.run('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'onstead*')).stdout,
    '',
  );
  for (const words of [
    ['ps', '-aq'],
    ['volume', 'ls', '-q'],
    ['images', '-q'],
  ])
    t.equal((await machine.run('docker', ...words)).stdout, '', words.join(' '));
  t.strictSame(machine.changes(), bare);
});

t.test('the control groups of the machine that it ran in are as they were', async (t) => {
  t.equal(cgroupMounts(), mountsBefore);
});

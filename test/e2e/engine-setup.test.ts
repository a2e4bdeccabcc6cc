// Getting an engine on a bare machine: what is there is left alone, what was started is all that is stopped,
// and where none can run there is one sentence. Tried with second engines of its own, beside the machine's.

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const script = join(root, 'installer/engine.sh');
const NO_ENGINE = 3;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runScript(verb: string[], env: NodeJS.ProcessEnv, before: string[] = []): Ended {
  // A second engine gets a network of its own: without a bridge it would take docker0 away from the machine's.
  const apart = env['ONSTEAD_DOCKERD_ARGS'] === undefined ? [] : ['unshare', '--net'];
  // Read from stdin: another user may not be able to enter the folder of the checkout.
  const all = [...apart, ...before, 'sh', '-s', '--', ...verb];
  const [command, ...args] = all as [string, ...string[]];
  const input = readFileSync(script, 'utf8');
  const ended = spawnSync(command, args, {
    input,
    cwd: '/',
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr };
}

/** A place for an engine beside the machine's own: no bridge, no firewall rules, own folders, own socket. */
function secondEngine(test: { teardown(then: () => void): void }, ...further: string[]): NodeJS.ProcessEnv {
  const folder = mkdtempSync(join(tmpdir(), 'engine-'));
  chmodSync(folder, 0o755);
  const host = `unix://${folder}/s.sock`;
  const args = `--data-root ${folder}/data --exec-root ${folder}/exec --pidfile ${folder}/pid -H ${host}`;
  const env = {
    DOCKER_HOST: host,
    ONSTEAD_ENGINE_STATE: join(folder, 'state'),
    ONSTEAD_ENGINE_START_SECONDS: '30',
    ONSTEAD_DOCKERD_ARGS: [args, '--bridge=none --iptables=false', ...further].join(' '),
  };
  test.teardown(() => {
    runScript(['stop'], env);
    spawnSync('umount', [join(folder, 'data')], { stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  });
  return env;
}

/** The id alone is the machine's, shared by every engine on it. */
function engineId(env: NodeJS.ProcessEnv = {}): string {
  const args = ['info', '--format', '{{.ID}} {{.DockerRootDir}}'];
  return spawnSync('docker', args, { encoding: 'utf8', env: { ...process.env, ...env } }).stdout.trim();
}

t.test('the shell scripts have no findings', async (t) => {
  const scripts = ['engine.sh', 'install.sh', 'quickstart.sh', 'supervise.sh'].map((name) =>
    join(root, 'installer', name),
  );
  scripts.push(join(root, 'test/machine/boot-systemd.sh'));
  const sh = spawnSync('shellcheck', ['--shell=sh', ...scripts], { encoding: 'utf8' });
  t.equal(sh.status, 0, sh.stdout);
  const bash = spawnSync('shellcheck', ['--shell=bash', join(root, '.ci/run')], { encoding: 'utf8' });
  t.equal(bash.status, 0, bash.stdout);
});

t.test('an engine that answers is used and left as it is', async (t) => {
  const state = t.testdir();
  const before = engineId();
  const ended = runScript(['ensure'], { ONSTEAD_ENGINE_STATE: state });
  t.equal(ended.code, 0, ended.stderr);
  t.match(ended.stderr, /using the engine .* that is running already/);
  runScript(['stop'], { ONSTEAD_ENGINE_STATE: state });
  t.equal(engineId(), before);
  t.notOk(existsSync(join(state, 'made')), 'nothing was made');
});

t.test('an engine that is installed is started, used again, and stopped, and no other', async (t) => {
  const env = secondEngine(t);
  const machines = engineId();
  const first = runScript(['ensure'], env);
  t.equal(first.code, 0, first.stderr);
  t.match(first.stderr, /starting dockerd in a session of its own/);
  const status = JSON.parse(runScript(['status', '--json'], env).stdout);
  t.match(status, { engine: 'running', composeIsGood: true, startedByUsPid: Number });
  t.not(engineId(env), machines);
  t.notMatch(runScript(['ensure'], env).stderr, /starting/);
  t.equal(runScript(['stop'], env).code, 0);
  t.notOk(existsSync(`/proc/${status.startedByUsPid}`), 'ours has ended');
  t.match(JSON.parse(runScript(['status', '--json'], env).stdout), {
    engine: 'stopped',
    startedByUsPid: null,
  });
  t.equal(engineId(), machines, "the machine's own goes on");
});

t.test('an engine that dies at its start gets one sentence with the reason', async (t) => {
  const ended = runScript(['ensure'], secondEngine(t, '--storage-driver=nonsense'));
  t.equal(ended.code, NO_ENGINE);
  t.match(
    ended.stderr.trim().split('\n').at(-1),
    /^engine: No Docker Engine can run here: .*driver not supported/,
  );
});

t.test('without root there is one sentence, and nothing is tried', async (t) => {
  const before = ['setpriv', '--reuid=65534', '--clear-groups'];
  const ended = runScript(['ensure'], secondEngine(t), before);
  t.equal(ended.code, NO_ENGINE);
  t.match(ended.stderr, /^engine: No Docker Engine can run here: .* needs root/);
  t.equal(ended.stderr.trim().split('\n').length, 1);
});

t.test(
  'without the capabilities of an engine there is one sentence that names the missing one',
  async (t) => {
    for (const name of ['net_admin', 'sys_admin']) {
      const before = ['setpriv', '--bounding-set', `-${name}`, '--inh-caps', `-${name}`];
      const ended = runScript(['ensure'], secondEngine(t), before);
      t.equal(ended.code, NO_ENGINE);
      t.match(ended.stderr, new RegExp(`No Docker Engine can run here: .*CAP_${name.toUpperCase()}`));
    }
  },
);

t.test('a Compose that is missing is placed, recorded, and found the next time', async (t) => {
  const folder = t.testdir();
  const env = {
    ONSTEAD_ENGINE_STATE: join(folder, 'state'),
    ONSTEAD_COMPOSE_FOLDER: join(folder, 'plugins'),
  };
  const first = runScript(['ensure'], env);
  t.equal(first.code, 0, first.stderr);
  t.equal(readFileSync(join(folder, 'state/made'), 'utf8'), `file ${folder}/plugins/docker-compose\n`);
  const second = runScript(['ensure'], env);
  t.equal(second.code, 0);
  t.notMatch(second.stderr, /placing/);
});

t.test('stop ends no process that only has the recorded id', async (t) => {
  const state = t.testdir();
  const other = spawn('sleep', ['60'], { stdio: 'ignore' });
  t.teardown(() => other.kill());
  writeFileSync(join(state, 'dockerd.pid'), `${other.pid} 1\n`);
  const ended = runScript(['stop'], { ONSTEAD_ENGINE_STATE: state });
  t.match(ended, { code: 0, stderr: /nothing was stopped/ });
  t.ok(existsSync(`/proc/${other.pid}`));
});

t.test('wrong usage is exit code 2', async (t) => {
  t.equal(runScript(['restart'], {}).code, 2);
});

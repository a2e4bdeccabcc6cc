// install.sh and supervise.sh as an administrator types them, on a machine of their own inside this one. What is
// written is seen as an overlay over this machine's folders, so that nothing can be changed or left unseen.

import { createHash } from 'node:crypto';
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { keygen } from '../../src/release/index.ts';
import { runCommand, type CliResult } from './appliance.ts';
import { PrivateMachine } from './private-machine.ts';
import { programBundle } from './program-bundle.ts';

t.setTimeout(600_000);

const checkout = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const script = join(checkout, 'installer/install.sh');
const FOLDERS = ['/etc', '/opt', '/usr/local', '/var'];
const SHELL = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
  'TMPDIR=/run/tmp',
];

const machine = new PrivateMachine();
t.teardown(() => machine.remove());
const bundle = await programBundle('0.1.0');
const newer = await programBundle('0.2.0');
const trusting = (path = bundle.path): string[] => [path, '--trust', bundle.publicKey];

function inside(words: readonly string[]): Promise<CliResult> {
  const [command, ...args] = [...machine.prefix, 'env', '-i', '-C', '/', ...SHELL, ...words];
  return runCommand(command!, args, {});
}

const install = (...words: string[]): Promise<CliResult> => inside(['sh', script, ...words]);
const supervise = (verb: string): Promise<CliResult> =>
  inside(['sh', '/opt/onstead/current/installer/supervise.sh', verb]);
const read = (path: string): string => readFileSync(machine.seen(path), 'utf8');
const current = async (): Promise<string> =>
  (await inside(['readlink', '/opt/onstead/current'])).stdout.trim();

/** Everything on the disk below these folders, by content, apart from what a running daemon writes at any time. */
function files(): string[] {
  const contentOf = (path: string): Buffer | string =>
    lstatSync(path).isSymbolicLink() ? readlinkSync(path) : readFileSync(path);
  const digest = (path: string): string =>
    path.startsWith('removed ')
      ? ''
      : createHash('sha256')
          .update(contentOf(machine.seen(path)))
          .digest('hex');
  return FOLDERS.flatMap((folder) => machine.changesIn(folder))
    .filter((path) => !/\/(onstead\.log|state\.db(-wal|-shm)?)$/.test(path))
    .map((path) => `${path} ${digest(path)}`);
}

/** The files, and what runs; for moments at which no container does, since its health checks come and go. */
async function footprint(): Promise<string[]> {
  const ran = await inside(['ps', '-e', '-o', 'comm=']);
  const processes = ran.stdout.split('\n').filter((name) => !/^(ps|nsenter|env|)$/.test(name.trim()));
  return [...files(), ...processes.toSorted()];
}

async function onEngine(): Promise<string[]> {
  const asked = [['ps', '-a'], ['volume', 'ls'], ['network', 'ls'], ['images']].map((words) =>
    inside(
      ['docker', ...words, '-q', '--no-trunc'].filter(
        (word) => word !== '--no-trunc' || words[0] !== 'volume',
      ),
    ),
  );
  return (await Promise.all(asked)).map(({ stdout }) => stdout.trim());
}

async function daemonPid(): Promise<number> {
  for (;;) {
    const answer = await inside(['onstead', 'version', '--json']);
    const since = /"startedAt"/.test(answer.stdout);
    if (since) return Number(read('/run/onstead/daemon').split(' ')[0]);
    await sleep(200);
  }
}

async function note(title?: string): Promise<string> {
  const ca = (await inside(['onstead', 'certificate'])).stdout;
  const port = Number(/https: (\d+)/.exec(read('/etc/onstead/onstead.yaml'))![1]);
  const question = { port, ca, path: '/api/notes', ...(title === undefined ? {} : { body: { title } }) };
  const asked = [...machine.prefix, process.execPath, join(checkout, 'test/e2e/ask-edge.ts')];
  const { stdout, stderr } = await runCommand(asked[0]!, asked.slice(1), { input: JSON.stringify(question) });
  return stdout + stderr;
}

/** The current slot is there with every file of it, or there is none. */
async function slotIsWhole(): Promise<boolean> {
  const slot = await current();
  if (slot === '') return true;
  return (
    (await inside(['env', '-C', `/opt/onstead/${slot}`, 'sha256sum', '-c', '--status', '.files'])).code === 0
  );
}

let bare: string[];
let bareEngine: string[];

t.before(async () => {
  await machine.boot([], FOLDERS);
  mkdirSync(machine.seen('/run/tmp'));
  machine.hideAppliance();
  await machine.startEngine();
  bare = await footprint();
  bareEngine = await onEngine();
});

/** A copy with something done to it, in the private machine's memory. */
function spoiled(name: string, spoil: (path: string, sizeBytes: number) => void): string {
  const path = machine.seen(`/run/tmp/${name}.tar`);
  copyFileSync(bundle.path, path);
  spoil(path, statSync(path).size);
  return `/run/tmp/${name}.tar`;
}

function flip(path: string, at: number): void {
  const file = openSync(path, 'r+');
  const byte = readFileSync(path).subarray(at, at + 1);
  writeSync(file, Buffer.from([byte[0]! ^ 1]), 0, 1, at);
}

t.test('wrong words get one sentence with what would be right', async (t) => {
  const cases: [string[], RegExp][] = [
    [[], /^error: No bundle was given\.\nnext: For example: sh install\.sh .*\n$/],
    [['a.tar'], /^error: No public key was given .*\nnext: Add --trust VENDOR\.pub\.\n$/],
    [['--nonsense'], /^error: There is no option "--nonsense"\.\nnext: .*\n$/],
    [[...trusting(), '--https', '99999'], /^error: "99999" is not a port\.\nnext: .*\n$/],
    [
      [...trusting(), '--https', '80', '--http', '80'],
      /^error: HTTPS and HTTP cannot both be on port 80\.\n/,
    ],
    [
      [...trusting(), '--https', '80'],
      /^error: HTTPS and HTTP cannot both be on port 80 \(http unless chosen and --https\)\.\nnext: .*--https 443 --http 8080\.\n$/,
    ],
    [[bundle.path, '--trust', script], /^error: .*install\.sh is not a public key\.\nnext: .*\n$/],
    [[...trusting(), '--name', 'a;b'], /^error: "a;b" is not a name or an address\.\n/],
    [[...trusting(), '--keep-data'], /^error: --keep-data goes with --uninstall only\.\n/],
    [['--uninstall', 'a.tar'], /^error: --uninstall goes with nothing but --keep-data\.\n/],
  ];
  for (const [words, sentence] of cases) {
    const ended = await install(...words);
    t.equal(ended.code, 2, words.join(' '));
    t.match(ended.stderr, sentence);
    t.notMatch(ended.stdout, /complete and unchanged/, 'before the bundle is read');
  }
  t.equal((await install('/nowhere.tar', '--trust', bundle.publicKey)).code, 2);
  t.strictSame(await footprint(), bare);
});

t.test(
  'a bundle that is not whole, or not from whom it should be, is refused before anything is changed',
  async (t) => {
    const other = (await keygen()).publicKey;
    writeFileSync(machine.seen('/run/tmp/other.pub'), other);
    const stranger = await install(bundle.path, '--trust', '/run/tmp/other.pub');
    t.equal(stranger.code, 3);
    t.match(stranger.stderr, /^error: The bundle is not signed with the key in .*other\.pub\.\nnext: .*\n$/);
    const cut = (keep: (sizeBytes: number) => number) => (path: string, sizeBytes: number) =>
      void runCut(path, keep(sizeBytes));
    const cases: Record<string, (path: string, sizeBytes: number) => void> = {
      empty: cut(() => 0),
      'cut-early': cut(() => 700),
      'cut-half': cut((size) => Math.floor(size / 2)),
      'cut-at-the-end': cut((size) => size - 1024),
      longer: (path) => writeFileSync(path, 'more', { flag: 'a' }),
      'flipped-sums': (path) => flip(path, 1536),
      'flipped-layer': (path, size) => flip(path, Math.floor(size * 0.6)),
      'flipped-program': (path) => flip(path, programOffset(path)),
    };
    for (const [name, spoil] of Object.entries(cases)) {
      const path = spoiled(name, spoil);
      const ended = await install(...trusting(path));
      t.equal(ended.code, 3, `${name}: ${ended.stdout}${ended.stderr}`);
      t.match(ended.stderr, /error: .*\nnext: .*\n$/, name);
      if (name.startsWith('flipped')) t.match(ended.stderr, /changed or damaged|damaged/, name);
      rmSync(machine.seen(path));
    }
    t.strictSame(await footprint(), bare);
    t.strictSame(await onEngine(), bareEngine);
  },
);

function runCut(path: string, sizeBytes: number): void {
  writeFileSync(path, readFileSync(path).subarray(0, sizeBytes));
}

/** A byte in the middle of the packed program. */
function programOffset(path: string): number {
  return readFileSync(path).indexOf('onstead/daemon.tar.gz\0') + 512 + 2000;
}

t.test('without minisign the signature is checked with openssl', async (t) => {
  const hide = 'mount --bind /dev/null "$(command -v minisign)" && ! command -v minisign';
  const without = (...words: string[]): Promise<CliResult> =>
    inside(['unshare', '--mount', 'sh', '-c', `${hide} && sh ${script} ${words.join(' ')}`]);
  const stranger = await without(bundle.path, '--trust', '/run/tmp/other.pub');
  t.equal(stranger.code, 3);
  t.match(stranger.stderr, /^error: The bundle is not signed with the key in /);
  const path = spoiled('flipped-sums', (file) => flip(file, 1536));
  t.match(
    (await without(...trusting(path))).stderr,
    /^error: The bundle was changed or damaged on its way\.\n/,
  );
  rmSync(machine.seen(path));
  await inside(['sh', '-c', 'echo mine >/usr/local/bin/onstead']);
  const right = await without(...trusting());
  t.match(right.stdout, /complete and unchanged/);
  t.match(right.stderr, /^error: .* is not Onstead's/, 'the right key is accepted');
  await inside(['rm', '/usr/local/bin/onstead']);
  t.strictSame(await footprint(), bare);
});

t.test('a machine that cannot carry it is told so in a sentence, and stays as it was', async (t) => {
  const user = await inside([
    'setpriv',
    '--reuid=65534',
    '--clear-groups',
    'sh',
    '-c',
    `sh -s -- ${trusting().join(' ')} <${script}`,
  ]);
  t.equal(user.code, 4);
  t.match(
    user.stderr,
    /^error: The installation needs root\.\nnext: Run it as root, for example with sudo\.\n$/,
  );
  const held = await inside(['flock', '/opt', 'sh', script, ...trusting()]);
  t.equal(held.code, 4);
  t.match(held.stderr, /^error: Another installation is under way on this machine\.\n/);
  const small = `mount -t tmpfs -o size=1M tmpfs /opt && sh ${script} ${trusting().join(' ')}`;
  const full = await inside(['unshare', '--mount', 'sh', '-c', small]);
  t.equal(full.code, 4);
  t.match(full.stderr, /^error: \/opt\/onstead has \d+ MB free; the program needs \d+ MB\.\n/);
  const fuller = `mount -t tmpfs -o size=100k tmpfs /opt && sh ${script} ${trusting().join(' ')}`;
  const noRoom = await inside(['unshare', '--mount', 'sh', '-c', fuller]);
  t.equal(noRoom.code, 4);
  t.match(noRoom.stderr, /^error: The disk is full: \/opt\/onstead could not be written\.\nnext: .*\n$/);
  const sealed = `mount -t tmpfs -o ro tmpfs /opt && sh ${script} ${trusting().join(' ')}`;
  t.match(
    (await inside(['unshare', '--mount', 'sh', '-c', sealed])).stderr,
    /^error: \/opt\/onstead cannot be written\.\n/,
  );
  const listener = "require('net').createServer().listen(443,()=>setTimeout(()=>process.exit(),20000))";
  const taken = await inside([
    'sh',
    '-c',
    `'${process.execPath}' -e "${listener}" & sleep 1; sh ${script} ${trusting().join(' ')}; code=$?; kill $!; exit $code`,
  ]);
  t.equal(taken.code, 4, taken.stdout + taken.stderr);
  t.match(taken.stderr, /error: Ports of the edge: .*443.*\nnext: /);
  await inside(['sh', '-c', 'echo mine >/usr/local/bin/onstead']);
  t.match(
    (await install(...trusting())).stderr,
    /^error: \/usr\/local\/bin\/onstead is there already and is not Onstead's\.\n/,
  );
  await inside(['rm', '/usr/local/bin/onstead']);
  t.strictSame(await footprint(), bare);
  t.strictSame(await onEngine(), bareEngine);
});

t.test('killed at any moment it leaves a whole program or none', async (t) => {
  for (const seconds of [0.5, 1, 1.5, 2, 3]) {
    await inside(['timeout', '-s', 'KILL', String(seconds), 'sh', script, ...trusting()]);
    t.ok(await slotIsWhole(), `after ${seconds} s`);
  }
});

t.test('it installs, and says what it did', async (t) => {
  const { code, stdout, stderr } = await install(
    ...trusting(),
    '--https',
    '8443',
    '--name',
    'notes.example.org',
  );
  t.equal(code, 0, stdout + stderr);
  t.match(stdout, /^Looking \(nothing is changed yet\)\n.*complete and unchanged.*\n.*holds Onstead 0\.1\.0/);
  t.match(stdout, /\nChanging\n {2}program {4}\/opt\/onstead\/0\.1\.0/);
  t.equal(await current(), '0.1.0');
  t.match(read('/etc/onstead/onstead.yaml'), /https: 8443\n {2}names:\n {4}- "notes\.example\.org"\n/);
  t.match(await note('made after the installation'), /"status":201/);
  const drafts = await inside(['sh', '-c', 'ls -d /opt/onstead/.draft.* /opt/onstead/.stale']);
  t.equal(drafts.stdout, '', 'no draft of a killed run is left');
});

t.test('a second run changes nothing and leaves the daemon as it is', async (t) => {
  const pid = await daemonPid();
  const settings = read('/etc/onstead/onstead.yaml');
  const { code, stdout, stderr } = await install(...trusting());
  t.equal(code, 0, stdout + stderr);
  t.match(stdout, /nothing needed doing/);
  t.equal(await daemonPid(), pid);
  t.equal(read('/etc/onstead/onstead.yaml'), settings, 'flags that are not given keep what was chosen');
});

t.test('corrected flags correct the settings, and the daemon works by them', async (t) => {
  const pid = await daemonPid();
  const { code, stdout, stderr } = await install(
    ...trusting(),
    '--https',
    '443',
    '--name',
    'other.example.org',
  );
  t.equal(code, 0, stdout + stderr);
  t.not(await daemonPid(), pid);
  t.match(read('/etc/onstead/onstead.yaml'), /https: 443\n {2}names:\n {4}- "other\.example\.org"\n$/);
  t.match(await note(), /made after the installation/, 'it answers on the new port');
});

t.test('a port that the settings have for the other one is refused, and nothing is changed', async (t) => {
  const before = files();
  const refused = await install(...trusting(), '--http', '443');
  t.equal(refused.code, 2);
  t.match(
    refused.stderr,
    /^error: HTTPS and HTTP cannot both be on port 443 \(--http and https in \/etc\/onstead\/onstead\.yaml\)\.\n/,
  );
  t.strictSame(files(), before);
});

t.test('settings that a person edited are theirs', async (t) => {
  const edited = `${read('/etc/onstead/onstead.yaml')}limits: { memory: 6G }\n`;
  await inside(['sh', '-c', `cat >/etc/onstead/onstead.yaml <<'TEXT'\n${edited}TEXT`]);
  const before = files();
  const refused = await install(...trusting(), '--https', '8443');
  t.equal(refused.code, 2);
  t.match(
    refused.stderr,
    /^error: .*onstead\.yaml was edited by hand, so --http, --https and --name do not change it\.\n/,
  );
  t.strictSame(files(), before);
});

t.test(
  'a daemon that keeps ending is told with its reason, and comes back when that is put right',
  async (t) => {
    const right = read('/etc/onstead/onstead.yaml');
    const mistake = /onstead\.yaml:2:3 "adress" is not a key that stands here\. Did you mean "address"\?/;
    writeFileSync(machine.seen('/etc/onstead/onstead.yaml'), 'edge:\n  adress: 10.0.0.1\n');
    await supervise('stop');
    const started = await supervise('start');
    t.equal(started.code, 1, started.stdout);
    t.match(
      started.stderr,
      /^error: The daemon keeps ending \(1 so far, the last with exit code 3\); process \d+ goes on/,
    );
    t.match(started.stderr, mistake);
    const stated = await supervise('status');
    t.equal(stated.code, 1);
    t.match(stated.stderr, mistake);
    t.match(stated.stderr, /\nnext: .*supervise\.sh start\n$/);
    const begunMs = performance.now();
    const installed = await install(...trusting());
    t.equal(installed.code, 6, installed.stdout + installed.stderr);
    t.match(
      installed.stderr,
      /^error: The daemon ends as soon as it is started\. It said last .*onstead\.log\):\n {2}error: /,
    );
    t.match(installed.stderr, mistake);
    t.ok(performance.now() - begunMs < 60_000, 'soon');
    t.comment(`told after ${Math.round(performance.now() - begunMs)} ms`);
    writeFileSync(machine.seen('/etc/onstead/onstead.yaml'), right);
    t.match(await supervise('start'), { code: 0, stdout: /^the daemon is supervised/ });
    await daemonPid();
    t.match(await supervise('status'), { code: 0, stdout: /^running/ });
  },
);

t.test('a newer program takes over, and an older one is refused', async (t) => {
  const pid = await daemonPid();
  const settings = read('/etc/onstead/onstead.yaml');
  const up = await install(...trusting(newer.path));
  t.equal(up.code, 0, up.stdout + up.stderr);
  t.equal(read('/etc/onstead/onstead.yaml'), settings, 'what a person wrote stays');
  t.equal(await current(), '0.2.0');
  t.not(await daemonPid(), pid, 'the daemon of the older one was replaced');
  const before = files();
  const down = await install(...trusting());
  t.equal(down.code, 3);
  t.match(
    down.stderr,
    /^error: Onstead 0\.2\.0 is installed here, and the bundle holds the older 0\.1\.0\.\nnext: .*onstead install /,
  );
  t.strictSame(files(), before);
});

t.test('a program that lost a part is put there anew, beside the damaged one', async (t) => {
  const slot = await current();
  await inside(['sh', '-c', `: >/opt/onstead/${slot}/installer/engine.sh`]);
  t.notOk(await slotIsWhole());
  const { code, stdout, stderr } = await install(...trusting(newer.path));
  t.equal(code, 0, stdout + stderr);
  t.not(await current(), slot);
  t.ok(await slotIsWhole());
  t.notMatch(
    (await inside(['ls', '/opt/onstead'])).stdout,
    new RegExp(`^${slot}$`, 'm'),
    'the damaged one is gone',
  );
});

t.test('a daemon that was killed is started again', async (t) => {
  const pid = await daemonPid();
  await inside(['kill', '-9', String(pid)]);
  const next = await daemonPid();
  t.not(next, pid);
  t.match((await supervise('status')).stdout, /^running/);
});

t.test('a log that grew is put aside, and two older ones are kept', async (t) => {
  const grow = (round: number): Promise<CliResult> =>
    inside(['sh', '-c', `yes "round ${round}" | head -c 11000000 >>/var/log/onstead.log`]);
  await grow(1);
  const pid = await daemonPid();
  await inside(['kill', '-9', String(pid)]);
  while ((await daemonPid()) === pid) await sleep(50);
  t.match(read('/var/log/onstead.log.1').slice(-2000), /round 1/, 'when a daemon ended');
  for (const round of [2, 3]) {
    await grow(round);
    await supervise('stop');
    await supervise('start');
    await daemonPid();
  }
  const { stdout } = await inside(['sh', '-c', 'cd /var/log && ls onstead.log*']);
  t.equal(stdout, 'onstead.log\nonstead.log.1\nonstead.log.2\n');
  t.ok(statSync(machine.seen('/var/log/onstead.log')).size < 1_000_000);
  t.match(read('/var/log/onstead.log.1').slice(-2000), /round 3/);
});

t.test('a supervisor that was killed is replaced, with the daemon that it left', async (t) => {
  const supervisor = read('/run/onstead/supervisor').split(' ')[0]!;
  const orphan = await daemonPid();
  await inside(['kill', '-9', supervisor]);
  t.match((await supervise('start')).stdout, /^the daemon is supervised \(process /);
  t.not(await daemonPid(), orphan);
  t.not((await inside(['test', '-d', `/proc/${orphan}`])).code, 0, 'the orphan was ended');
});

t.test('stop ends what it started and nothing else, cleanly', async (t) => {
  const pid = await daemonPid();
  t.equal((await supervise('stop')).stdout, 'the daemon was stopped\n');
  t.not((await inside(['test', '-d', `/proc/${pid}`])).code, 0);
  t.match(read('/var/log/onstead.log').trim().split('\n').at(-1), /"stopped"/);
  t.match(await note(), /made after the installation/, 'the stack goes on without it');
  t.equal((await supervise('stop')).stdout, 'no daemon is supervised\n');
  t.equal((await supervise('start')).code, 0);
});

t.test('uninstalled with its data kept, a later installation finds the data', async (t) => {
  const gone = await install('--uninstall', '--keep-data');
  t.equal(gone.code, 0, gone.stdout + gone.stderr);
  t.match(gone.stdout, /Data volumes, secrets and settings were kept\.\n$/);
  t.match((await inside(['docker', 'volume', 'ls', '-q'])).stdout, /notes_mysql-data/);
  t.equal((await inside(['docker', 'ps', '-aq'])).stdout, '');
  const again = await install(...trusting());
  t.equal(again.code, 0, again.stdout + again.stderr);
  t.match(await note(), /made after the installation/);
});

t.test('uninstalled it leaves nothing', async (t) => {
  const gone = await install('--uninstall');
  t.equal(gone.code, 0, gone.stdout + gone.stderr);
  t.strictSame(await footprint(), bare);
  t.equal(
    (
      await inside([
        'find',
        '/var/lib/onstead',
        '/var/log',
        '/run',
        '-path',
        '/run/tmp',
        '-prune',
        '-o',
        '-name',
        'onstead*',
        '-print',
      ])
    ).stdout,
    '',
  );
  t.strictSame(await onEngine(), bareEngine);
  t.match((await install('--uninstall')).stdout, /not installed here; nothing to remove/);
});

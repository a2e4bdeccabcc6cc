// install.sh as an administrator types it, on a machine of their own inside this one; supervise.sh with it.

import { copyFileSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import t from 'tap';
import { keygen } from '../../src/release/index.ts';
import type { CliResult } from '../e2e/appliance.ts';
import { programBundle } from '../e2e/program-bundle.ts';
import { installScript as script, ScriptMachine } from './script-machine.ts';
import { superviseCases } from './supervise-cases.ts';

t.setTimeout(600_000);

const on = new ScriptMachine();
t.teardown(() => on.machine.remove());
const bundle = await programBundle('0.1.0');
const newer = await programBundle('0.2.0');
const trusting = (path = bundle.path): string[] => [path, '--trust', bundle.publicKey];
let bare: string[];
let bareEngine: string[];

t.before(async () => {
  await on.boot();
  bare = await on.footprint();
  bareEngine = await on.onEngine();
});

/** A copy with something done to it, in the private machine's memory. */
function spoiled(name: string, spoil: (path: string, sizeBytes: number) => void): string {
  const path = on.machine.seen(`/run/tmp/${name}.tar`);
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
    const ended = await on.install(...words);
    t.equal(ended.code, 2, words.join(' '));
    t.match(ended.stderr, sentence);
    t.notMatch(ended.stdout, /complete and unchanged/, 'before the bundle is read');
  }
  t.equal((await on.install('/nowhere.tar', '--trust', bundle.publicKey)).code, 2);
  t.strictSame(await on.footprint(), bare);
});

t.test(
  'a bundle that is not whole, or not from whom it should be, is refused before anything is changed',
  async (t) => {
    const other = (await keygen()).publicKey;
    writeFileSync(on.machine.seen('/run/tmp/other.pub'), other);
    const stranger = await on.install(bundle.path, '--trust', '/run/tmp/other.pub');
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
      const ended = await on.install(...trusting(path));
      t.equal(ended.code, 3, `${name}: ${ended.stdout}${ended.stderr}`);
      t.match(ended.stderr, /error: .*\nnext: .*\n$/, name);
      if (name.startsWith('flipped')) t.match(ended.stderr, /changed or damaged|damaged/, name);
      rmSync(on.machine.seen(path));
    }
    t.strictSame(await on.footprint(), bare);
    t.strictSame(await on.onEngine(), bareEngine);
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
    on.inside(['unshare', '--mount', 'sh', '-c', `${hide} && sh ${script} ${words.join(' ')}`]);
  const stranger = await without(bundle.path, '--trust', '/run/tmp/other.pub');
  t.equal(stranger.code, 3);
  t.match(stranger.stderr, /^error: The bundle is not signed with the key in /);
  const path = spoiled('flipped-sums', (file) => flip(file, 1536));
  t.match(
    (await without(...trusting(path))).stderr,
    /^error: The bundle was changed or damaged on its way\.\n/,
  );
  rmSync(on.machine.seen(path));
  await on.inside(['sh', '-c', 'echo mine >/usr/local/bin/onstead']);
  const right = await without(...trusting());
  t.match(right.stdout, /complete and unchanged/);
  t.match(right.stderr, /^error: .* is not Onstead's/, 'the right key is accepted');
  await on.inside(['rm', '/usr/local/bin/onstead']);
  t.strictSame(await on.footprint(), bare);
});

t.test('a machine that cannot carry it is told so in a sentence, and stays as it was', async (t) => {
  const user = await on.inside([
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
  const held = await on.inside(['flock', '/opt', 'sh', script, ...trusting()]);
  t.equal(held.code, 4);
  t.match(held.stderr, /^error: Another installation is under way on this machine\.\n/);
  const small = `mount -t tmpfs -o size=1M tmpfs /opt && sh ${script} ${trusting().join(' ')}`;
  const full = await on.inside(['unshare', '--mount', 'sh', '-c', small]);
  t.equal(full.code, 4);
  t.match(full.stderr, /^error: \/opt\/onstead has \d+ MB free; the program needs \d+ MB\.\n/);
  const fuller = `mount -t tmpfs -o size=100k tmpfs /opt && sh ${script} ${trusting().join(' ')}`;
  const noRoom = await on.inside(['unshare', '--mount', 'sh', '-c', fuller]);
  t.equal(noRoom.code, 4);
  t.match(noRoom.stderr, /^error: The disk is full: \/opt\/onstead could not be written\.\nnext: .*\n$/);
  const sealed = `mount -t tmpfs -o ro tmpfs /opt && sh ${script} ${trusting().join(' ')}`;
  t.match(
    (await on.inside(['unshare', '--mount', 'sh', '-c', sealed])).stderr,
    /^error: \/opt\/onstead cannot be written\.\n/,
  );
  const listener = "require('net').createServer().listen(443,()=>setTimeout(()=>process.exit(),20000))";
  const taken = await on.inside([
    'sh',
    '-c',
    `'${process.execPath}' -e "${listener}" & sleep 1; sh ${script} ${trusting().join(' ')}; code=$?; kill $!; exit $code`,
  ]);
  t.equal(taken.code, 4, taken.stdout + taken.stderr);
  t.match(taken.stderr, /error: Ports of the edge: .*443.*\nnext: /);
  await on.inside(['sh', '-c', 'echo mine >/usr/local/bin/onstead']);
  t.match(
    (await on.install(...trusting())).stderr,
    /^error: \/usr\/local\/bin\/onstead is there already and is not Onstead's\.\n/,
  );
  await on.inside(['rm', '/usr/local/bin/onstead']);
  t.strictSame(await on.footprint(), bare);
  t.strictSame(await on.onEngine(), bareEngine);
});

t.test('killed at any moment it leaves a whole program or none', async (t) => {
  for (const seconds of [0.5, 1, 1.5, 2, 3]) {
    await on.inside(['timeout', '-s', 'KILL', String(seconds), 'sh', script, ...trusting()]);
    t.ok(await on.slotIsWhole(), `after ${seconds} s`);
  }
});

t.test('it installs, and says what it did', async (t) => {
  const { code, stdout, stderr } = await on.install(
    ...trusting(),
    '--https',
    '8443',
    '--name',
    'notes.example.org',
  );
  t.equal(code, 0, stdout + stderr);
  t.match(stdout, /^Looking \(nothing is changed yet\)\n.*complete and unchanged.*\n.*holds Onstead 0\.1\.0/);
  t.match(stdout, /\nChanging\n {2}program {4}\/opt\/onstead\/0\.1\.0/);
  t.equal(await on.current(), '0.1.0');
  t.match(on.read('/etc/onstead/onstead.yaml'), /https: 8443\n {2}names:\n {4}- "notes\.example\.org"\n/);
  t.match(await on.note('made after the installation'), /"status":201/);
  const drafts = await on.inside(['sh', '-c', 'ls -d /opt/onstead/.draft.* /opt/onstead/.stale']);
  t.equal(drafts.stdout, '', 'no draft of a killed run is left');
});

t.test('a second run changes nothing and leaves the daemon as it is', async (t) => {
  const pid = await on.daemonPid();
  const settings = on.read('/etc/onstead/onstead.yaml');
  const { code, stdout, stderr } = await on.install(...trusting());
  t.equal(code, 0, stdout + stderr);
  t.match(stdout, /nothing needed doing/);
  t.equal(await on.daemonPid(), pid);
  t.equal(on.read('/etc/onstead/onstead.yaml'), settings, 'flags that are not given keep what was chosen');
});

t.test('corrected flags correct the settings, and the daemon works by them', async (t) => {
  const pid = await on.daemonPid();
  const { code, stdout, stderr } = await on.install(
    ...trusting(),
    '--https',
    '443',
    '--name',
    'other.example.org',
  );
  t.equal(code, 0, stdout + stderr);
  t.not(await on.daemonPid(), pid);
  t.match(on.read('/etc/onstead/onstead.yaml'), /https: 443\n {2}names:\n {4}- "other\.example\.org"\n$/);
  t.match(await on.note(), /made after the installation/, 'it answers on the new port');
});

t.test('a port that the settings have for the other one is refused, and nothing is changed', async (t) => {
  const before = on.files();
  const refused = await on.install(...trusting(), '--http', '443');
  t.equal(refused.code, 2);
  t.match(
    refused.stderr,
    /^error: HTTPS and HTTP cannot both be on port 443 \(--http and https in \/etc\/onstead\/onstead\.yaml\)\.\n/,
  );
  t.strictSame(on.files(), before);
});

t.test('settings that a person edited are theirs', async (t) => {
  const edited = `${on.read('/etc/onstead/onstead.yaml')}limits: { memory: 6G }\n`;
  await on.inside(['sh', '-c', `cat >/etc/onstead/onstead.yaml <<'TEXT'\n${edited}TEXT`]);
  const before = on.files();
  const refused = await on.install(...trusting(), '--https', '8443');
  t.equal(refused.code, 2);
  t.match(
    refused.stderr,
    /^error: .*onstead\.yaml was edited by hand, so --http, --https and --name do not change it\.\n/,
  );
  t.strictSame(on.files(), before);
});

t.test('a newer program takes over, and an older one is refused', async (t) => {
  const pid = await on.daemonPid();
  const settings = on.read('/etc/onstead/onstead.yaml');
  const up = await on.install(...trusting(newer.path));
  t.equal(up.code, 0, up.stdout + up.stderr);
  t.equal(on.read('/etc/onstead/onstead.yaml'), settings, 'what a person wrote stays');
  t.equal(await on.current(), '0.2.0');
  t.not(await on.daemonPid(), pid, 'the daemon of the older one was replaced');
  const before = on.files();
  const down = await on.install(...trusting());
  t.equal(down.code, 3);
  t.match(
    down.stderr,
    /^error: Onstead 0\.2\.0 is installed here, and the bundle holds the older 0\.1\.0\.\nnext: .*onstead install /,
  );
  t.strictSame(on.files(), before);
});

t.test('a program that lost a part is put there anew, beside the damaged one', async (t) => {
  const slot = await on.current();
  await on.inside(['sh', '-c', `: >/opt/onstead/${slot}/installer/engine.sh`]);
  t.notOk(await on.slotIsWhole());
  const { code, stdout, stderr } = await on.install(...trusting(newer.path));
  t.equal(code, 0, stdout + stderr);
  t.not(await on.current(), slot);
  t.ok(await on.slotIsWhole());
  t.notMatch(
    (await on.inside(['ls', '/opt/onstead'])).stdout,
    new RegExp(`^${slot}$`, 'm'),
    'the damaged one is gone',
  );
});

superviseCases(t, on, trusting(newer.path));

t.test('uninstalled with its data kept, a later installation finds the data', async (t) => {
  const gone = await on.install('--uninstall', '--keep-data');
  t.equal(gone.code, 0, gone.stdout + gone.stderr);
  t.match(gone.stdout, /Data volumes, secrets and settings were kept\.\n$/);
  t.match((await on.inside(['docker', 'volume', 'ls', '-q'])).stdout, /notes_mysql-data/);
  t.equal((await on.inside(['docker', 'ps', '-aq'])).stdout, '');
  const again = await on.install(...trusting());
  t.equal(again.code, 0, again.stdout + again.stderr);
  t.match(await on.note(), /made after the installation/);
});

t.test('uninstalled it leaves nothing', async (t) => {
  const gone = await on.install('--uninstall');
  t.equal(gone.code, 0, gone.stdout + gone.stderr);
  t.strictSame(await on.footprint(), bare);
  t.equal(
    (
      await on.inside([
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
  t.strictSame(await on.onEngine(), bareEngine);
  t.match((await on.install('--uninstall')).stdout, /not installed here; nothing to remove/);
});

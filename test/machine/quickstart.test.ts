// The quickstart as a newcomer types it, on a machine of its own inside this one: up, up again, down. What it wrote is
// seen as an overlay over this machine's folders, so that nothing it leaves behind can hide.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runCommand, type CliResult } from '../e2e/appliance.ts';
import { PrivateMachine } from '../e2e/private-machine.ts';

t.setTimeout(600_000);

const checkout = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const FOLDERS = ['/etc', '/opt', '/usr/local', '/var'];
/** What this checkout keeps of the making of the sample app's images, so that it needs no network. */
const LAYERS = join(checkout, 'compose/images/.cache/layers');

const machine = new PrivateMachine();
t.teardown(() => machine.remove());

/** What a newcomer's shell has: nothing of the test runner's, and not the Node that this project brings. */
const SHELL = [
  `PATH=${process.env['PATH']!.split(':')
    .filter((folder) => !folder.includes('node_modules'))
    .join(':')}`,
  'HOME=/root',
  'TMPDIR=/run/tmp',
];

function inside(words: readonly string[]): Promise<CliResult> {
  const [command, ...args] = [...machine.prefix, 'env', '-i', '-C', '/', ...SHELL, ...words];
  return runCommand(command!, args, {});
}

const quickstart = (...words: string[]): Promise<CliResult> =>
  inside(['sh', join(checkout, 'installer/quickstart.sh'), ...words]);
const docker = async (...words: string[]): Promise<string[]> =>
  (await inside(['docker', ...words])).stdout
    .split('\n')
    .filter((line) => line !== '')
    .toSorted();

interface Footprint {
  readonly onEngine: readonly string[];
  readonly files: readonly string[];
  readonly processes: readonly string[];
}

async function footprint(): Promise<Footprint> {
  const onEngine = [
    await docker('ps', '-a', '--no-trunc', '--format', 'container {{.ID}} {{.Names}} {{.State}}'),
    await docker('network', 'ls', '--no-trunc', '--format', 'network {{.ID}} {{.Name}}'),
    await docker('volume', 'ls', '--format', 'volume {{.Name}}'),
    await docker('images', '--no-trunc', '--format', 'image {{.ID}} {{.Repository}}:{{.Tag}}'),
  ].flat();
  const temporary = (await inside(['find', '/run/tmp', '/run/onstead', '/run/onstead.sock'])).stdout;
  const processes = (await inside(['ps', '-e', '-o', 'comm='])).stdout.trim().split('\n').toSorted();
  return {
    onEngine,
    files: [...FOLDERS.flatMap((folder) => machine.changesIn(folder)), ...temporary.trim().split('\n')],
    // What it takes to look, and the shims of containers, which end when the engine gets to it.
    processes: processes.filter((name) => !/^(ps|nsenter|env)$/.test(name.trim())),
  };
}

/** Somebody else's container, network and volume, with a program of this machine in it. */
async function makeForeign(): Promise<void> {
  await inside(['sh', '-c', 'tar -cf - -T /dev/null | docker import - theirs/image']);
  await docker('network', 'create', 'theirs');
  await docker('volume', 'create', 'theirs');
  const folders = ['/usr', '/lib', '/lib64'].flatMap((folder) => ['-v', `${folder}:${folder}:ro`]);
  const all = ['--name', 'theirs', '--network', 'theirs', '-v', 'theirs:/data', ...folders];
  await docker('run', '--detach', ...all, 'theirs/image', '/usr/bin/sleep', 'infinity');
}

/** Images that were there before. Those of the sample app it makes itself, where that needs no network. */
async function bringImages(): Promise<void> {
  const format = '{{.Repository}}:{{.Tag}}';
  const listed = await runCommand('docker', ['images', 'onstead-demo/*', '--format', format], {});
  const canMakeNotes = existsSync(LAYERS) && readdirSync(LAYERS).some((name) => name.startsWith('notes-app'));
  const tags = listed.stdout
    .trim()
    .split('\n')
    .filter((tag) => !canMakeNotes || !tag.startsWith('onstead-demo/notes:'));
  const into = [...machine.prefix, 'docker', 'load', '-q'].join(' ');
  await runCommand('sh', ['-c', `docker save ${tags.join(' ')} | ${into}`], {});
}

let before: Footprint;

t.before(async () => {
  await machine.boot([], [...FOLDERS, checkout]);
  machine.hideAppliance();
  await inside(['rm', '-rf', join(checkout, '.cache/quickstart')]);
  mkdirSync(machine.seen('/run/tmp'));
  await machine.startEngine();
  await makeForeign();
  await bringImages();
  before = await footprint();
});

t.test('what the quickstart cannot use, it refuses in one sentence, and nothing is changed', async (t) => {
  const cases: [string[], number, RegExp][] = [
    [['--nonsense'], 2, /^error: There is no option "--nonsense"\.\nnext: See .* --help\.\n$/],
    [['--https'], 2, /^error: --https needs a port\.\n/],
    [['--https', 'x'], 2, /^error: "x" is not a port\.\n/],
    [['--https', '0'], 2, /^error: "0" is not a port\.\n/],
    [
      ['--https', '80'],
      2,
      /^error: HTTPS and HTTP cannot both be on port 80; .*\nnext: Give two different ports/,
    ],
    [['--down', '--http', '80'], 2, /^error: --down goes with no other option\.\n/],
  ];
  for (const [words, code, sentence] of cases) {
    const ended = await quickstart(...words);
    t.equal(ended.code, code, words.join(' '));
    t.match(ended.stderr, sentence);
    t.equal(ended.stdout, '');
  }
  const full = `mount -t tmpfs -o size=1M tmpfs /var/lib && sh ${checkout}/installer/quickstart.sh`;
  const noRoom = await inside(['unshare', '--mount', 'sh', '-c', full]);
  t.equal(noRoom.code, 4);
  t.match(noRoom.stderr, /^error: \/var\/lib has 0 GB free; the quickstart needs 5 GB\.\nnext: .*\n$/);
  const holder = "require('net').createServer().listen(443,()=>console.log('up'))";
  await docker(
    'run',
    '--detach',
    '--name',
    'holder',
    '--network',
    'host',
    ...['/usr', '/lib', '/lib64'].flatMap((f) => ['-v', `${f}:${f}:ro`]),
    '-v',
    `${process.execPath}:/node:ro`,
    'theirs/image',
    '/node',
    '-e',
    holder,
  );
  await inside(['sh', '-c', 'until docker logs holder 2>&1 | grep -q up; do sleep 0.1; done']);
  const taken = await quickstart();
  t.equal(taken.code, 4);
  t.match(
    taken.stderr,
    /^error: Port 443 is taken.*\.\nnext: Free it, or choose another with --https PORT\.\n$/,
  );
  await docker('rm', '-f', 'holder');
  t.strictSame(await footprint(), before);
});

t.test('a newcomer gets the sample application behind HTTPS', async (t) => {
  const { code, stdout, stderr } = await quickstart();
  t.equal(code, 0, stdout + stderr);
  t.match(stdout, /^This will, on this machine:\n[^]*Take it all back with: .*--down/);
  t.match(stdout, /== Done \(\d+ s\)\n\nTry it: {6}https:\/\/localhost\n/);
  t.comment(stdout.match(/== Done .*/)?.[0]);
});

t.test('a note with an attachment goes in and comes back over https', async (t) => {
  const { stdout } = await inside(['onstead', 'certificate']);
  writeFileSync(machine.seen('/run/tmp/ca.pem'), stdout);
  const program = join(checkout, 'test/e2e/note-with-file.ts');
  const words = ['https://localhost', 'from the quickstart', 'the attachment'];
  const asked = await inside([
    'env',
    'NODE_EXTRA_CA_CERTS=/run/tmp/ca.pem',
    process.execPath,
    program,
    ...words,
  ]);
  t.equal(asked.code, 0, asked.stderr);
  t.strictSame(JSON.parse(asked.stdout), { title: 'from the quickstart', file: 'the attachment' });
  const stored = 'SELECT COUNT(*) FROM notes JOIN attachments ON note_id = notes.id';
  const sql = `mysql --defaults-extra-file=/run/secrets/admin.cnf -N notes -e "${stored}"`;
  const rows = await inside(['docker', 'exec', 'notes-mysql-1', 'sh', '-c', sql]);
  t.equal(rows.stdout.trim(), '1', rows.stderr);
});

t.test("docker compose in the stack's folder shows it all", async (t) => {
  const listed = await inside([
    'env',
    '-C',
    '/var/lib/onstead/stack',
    'docker',
    'compose',
    'ps',
    '--format',
    '{{.Service}} {{.State}}',
  ]);
  const services = [...new Set(listed.stdout.trim().split('\n'))].toSorted();
  t.strictSame(
    services,
    ['app', 'minio', 'mysql', 'nginx', 'onstead-edge', 'redis'].map((one) => `${one} running`),
  );
});

t.test('run a second time it says that nothing needed doing', async (t) => {
  const ids = await docker('ps', '-q');
  const { code, stdout, stderr } = await quickstart();
  t.equal(code, 0, stdout + stderr);
  t.match(stdout, /\(as it was\)/);
  t.match(stdout, /nothing needed doing/i);
  t.match(stdout, /^The quickstart ran here before\. .*\n[^]*Take it all back with: .*--down/);
  t.notMatch(stdout, /This will, on this machine/);
  const settings = readFileSync(machine.seen('/etc/onstead/onstead.yaml'), 'utf8');
  const equal = await quickstart('--http', '443');
  t.equal(equal.code, 2);
  t.match(equal.stderr, /^error: HTTPS and HTTP cannot both be on port 443; /);
  t.equal(equal.stdout, '', 'before anything is built');
  t.equal(readFileSync(machine.seen('/etc/onstead/onstead.yaml'), 'utf8'), settings);
  t.strictSame(await docker('ps', '-q'), ids, 'no container was replaced');
  t.comment(stdout.match(/== Done .*/)?.[0]);
});

t.test('the installed program says that it builds no bundle with Onstead inside', async (t) => {
  const build = `onstead bundle build ${checkout}/compose/compose.yaml --key ${checkout}/.cache/quickstart/demo.key`;
  const { code, stderr } = await inside(['sh', '-c', `${build} --out /run/tmp/own.tar`]);
  t.equal(code, 3);
  t.match(
    stderr,
    /^error: The installed program in .* cannot put Onstead into a bundle.*\nnext: Build the bundle in a clone/,
  );
});

t.test('the next release is made, and the running one could be upgraded to it', async (t) => {
  const made = await quickstart('--next');
  t.equal(made.code, 0, made.stdout + made.stderr);
  const next = /onstead upgrade (\S+)/.exec(made.stdout)![1]!;
  const plan = await inside(['onstead', 'upgrade', next]);
  t.equal(plan.code, 0, plan.stdout + plan.stderr);
  t.match(plan.stdout, /1\.1\.0/);
  t.match(plan.stdout, /Nothing was changed/);
});

t.test('down removes everything it made and nothing else', async (t) => {
  const { code, stdout, stderr } = await quickstart('--down');
  t.equal(code, 0, stdout + stderr);
  t.equal(stderr, '');
  const after = await footprint();
  t.strictSame(after.onEngine, before.onEngine);
  t.strictSame(after.files, [...before.files, '/run/tmp/ca.pem'], 'of files only what this test wrote');
  t.strictSame(after.processes, before.processes);
  const kept = machine.changesIn(checkout).filter((path) => !/\/(dist|\.cache)\//.test(path));
  t.strictSame(kept, [], 'in the checkout only dist and caches are written');
  t.match((await quickstart('--down')).stdout, /nothing to remove/);
});

t.test('a quickstart that failed half way is taken back, with the engine that it started', async (t) => {
  await docker('rm', '-f', 'theirs');
  await machine.killEngine('SIGTERM');
  await inside(['sh', '-c', `echo 'this is no program' >${checkout}/src/broken.ts`]);
  const args = `ONSTEAD_DOCKERD_ARGS=--cgroup-parent ${machine.cgroup}`;
  const failed = await inside(['env', args, 'sh', join(checkout, 'installer/quickstart.sh')]);
  t.not(failed.code, 0);
  t.match(failed.stderr, /The quickstart stopped half way\. .* take it back with: .*--down\n$/);
  t.match(failed.stderr, /starting dockerd in a session of its own/);
  t.match(readFileSync(machine.seen('/var/lib/onstead/quickstart'), 'utf8'), /^engine \d+ \d+$/m);
  const down = await quickstart('--down');
  t.equal(down.code, 0, down.stdout + down.stderr);
  t.equal((await inside(['pgrep', '-x', 'dockerd'])).stdout, '', 'no engine runs any more');
  const files = FOLDERS.flatMap((folder) => machine.changesIn(folder));
  t.strictSame(
    files.filter((path) => path.includes('onstead')),
    before.files.filter((path) => path.includes('/onstead')),
  );
});

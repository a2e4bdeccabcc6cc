// argv in, words and an exit code out: help for every verb, one sentence for every mistake.

import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { OnsteadError } from '../../../src/base/errors.ts';
import { run } from '../../../src/base/process.ts';
import { exitCodeOf, exitCodes } from '../../../src/cli/exit-codes.ts';
import { verbs } from '../../../src/cli/verbs/index.ts';
import { onstead, openDaemon, type Handler } from './cli-lab.ts';

// eslint-disable-next-line no-control-regex -- the escape character is what is looked for
const ESCAPE = /\u001B/;

t.test('without a verb the overview is shown, and that was a mistake; asked for, it was not', async (t) => {
  const bare = await onstead([]);
  t.equal(bare.code, 2);
  for (const { name, summary } of verbs) t.ok(bare.out.includes(name) && bare.out.includes(summary), name);
  for (const word of ['help', '--help', '-h']) {
    const asked = await onstead([word]);
    t.equal(asked.code, 0);
    t.equal(asked.out, bare.out);
  }
});

for (const verb of verbs) {
  t.test(`\`onstead ${verb.name} --help\` shows usage, every flag and an example`, async (t) => {
    for (const flag of ['--help', '-h']) {
      const { code, out, err } = await onstead([verb.name, flag]);
      t.equal(code, 0);
      t.equal(err, '');
      for (const usage of verb.usage.split('\n')) {
        t.ok(out.includes(usage), usage);
        t.ok(usage.startsWith(`onstead ${verb.name}`), 'a usage can be typed');
      }
      for (const [name, { help }] of Object.entries(verb.flags))
        t.ok(out.includes(`--${name}`) && out.includes(help), name);
      t.match(out, /--json/);
      t.ok(verb.examples.length > 0);
      for (const [command, what] of verb.examples) {
        t.ok(out.includes(command) && out.includes(what), command);
        t.ok(command.startsWith(`onstead ${verb.name}`), command);
      }
      for (const meaning of Object.values(exitCodes)) t.ok(out.includes(meaning), meaning);
      t.notMatch(out, ESCAPE);
    }
  });

  t.test(`\`onstead ${verb.name}\` refuses what it does not know in one sentence`, async (t) => {
    const tooMany = Array.from({ length: verb.maxArgs + 1 }, () => 'word');
    const wrong = [['--no-such-flag'], ['-Z'], tooMany, ...((verb.minArgs ?? 0) > 0 ? [[]] : [])];
    for (const words of wrong) {
      const { code, out, err } = await onstead([verb.name, ...words]);
      t.equal(code, 2, words.join(' '));
      t.equal(out, '');
      t.match(err, /^error: .+\.\nnext: .+\n$/);
      t.equal(err.trimEnd().split('\n').length, 2, err);
      t.notMatch(err, /\.\.$|at .*\.ts/m);
    }
  });

  t.test(`\`onstead ${verb.name}\` tells its mistakes as JSON where JSON was asked for`, async (t) => {
    const { code, out, err } = await onstead([verb.name, '--json', '--no-such-flag']);
    t.equal(code, 2);
    t.equal(err, '');
    t.match(JSON.parse(out), { error: { code: 'usage.flags', message: /no-such-flag/, next: /--help/ } });
  });
}

t.test('a flag without its value is one sentence too', async (t) => {
  for (const words of [
    ['logs', 'app', '--tail'],
    ['logs', 'app', '--tail', '--follow'],
    ['size', '--cpu', '-4'],
  ]) {
    const { code, err } = await onstead(words);
    t.equal(code, 2);
    t.match(err, /^error: [^\n]+[^.]\.\nnext: .+\n$/, words.join(' '));
  }
});

t.test('a value that begins like a flag, and a word that is missing, are said so', async (t) => {
  for (const [words, message] of [
    [['logs', 'app', '--tail', '-5'], '--tail takes N, and "-5" is none.'],
    [['size', '--memory', '-4G'], '--memory takes SIZE, and "-4G" is none.'],
    [['bundle', 'keygen'], 'NAME is missing after "onstead bundle keygen".'],
    [['install'], 'BUNDLE is missing after "onstead install".'],
    [['bundle'], '"onstead bundle" was given nothing.'],
  ] as const) {
    const { code, err } = await onstead(words);
    t.match([code, err], [2, `error: ${message}\nnext: `], words.join(' '));
  }
});

t.test('help tells of one verb too, and as JSON where JSON was asked for', async (t) => {
  t.strictSame(await onstead(['help', 'status']), await onstead(['status', '--help']));
  t.equal((await onstead(['help', 'nobody'])).code, 2);
  t.match(JSON.parse((await onstead(['help', '--json'])).out), { verbs: [{ name: verbs[0]!.name }] });
  t.match(JSON.parse((await onstead(['--help', '--json'])).out), { exitCodes });
  t.match(JSON.parse((await onstead(['logs', '--help', '--json'])).out), {
    ...{ name: 'logs', usage: /SERVICE/, flags: { tail: { value: 'N' } } },
  });
  t.strictSame(await onstead(['-v', '--json']), await onstead(['version', '--json']));
});

t.test('each mistake in a release file is told with its place and what would be right', async (t) => {
  const folder = t.testdir({
    'bad.yaml': 'name: notes\nservices:\n  app:\n    image: x\n    x-onstead:\n      role: apq\n',
    key: '',
  });
  const path = join(folder, 'bad.yaml');
  const pair = await onstead(['bundle', 'keygen', join(folder, 'a')]);
  t.equal(pair.code, 0, pair.err);
  const words = ['--key', join(folder, 'a.key'), '--out', join(folder, 'a.tar'), '--without-daemon'];
  const { code, err } = await onstead(['bundle', 'build', path, ...words]);
  t.equal(code, 3, err);
  t.match(err, `  - ${path}:6:13 "apq" is not`);
  for (const line of err.split('\n').filter((one) => one.startsWith('  - ')))
    t.match(line, /bad\.yaml:\d+:\d+ \S.*\. \S.*$/);
  t.match((await onstead(['bundle', 'keygen', join(folder, 'nowhere/a')])).err, /no such folder.*\nnext: /);
});

t.test('an unknown verb is named', async (t) => {
  t.match(await onstead(['instal']), {
    code: 2,
    err: 'error: There is no verb "instal".\nnext: See `onstead help`.\n',
  });
  t.match(JSON.parse((await onstead(['instal', '--json'])).out), { error: { code: 'usage.verb' } });
});

t.test('no daemon means exit code 6, a sentence and what to do', async (t) => {
  for (const words of [
    ['status'],
    ['services'],
    ['operations'],
    ['operations', 'show', 'x'],
    ['logs', 'app'],
    ['install', 'x.tar'],
  ]) {
    const { code, out, err } = await onstead(words);
    t.equal(code, 6, words.join(' '));
    t.equal(out, '');
    t.match(
      err,
      /^error: The Onstead daemon is not running \(no answer at .*onstead\.sock\)\.\nnext: Start it with/,
    );
    const json = await onstead([...words, '--json']);
    t.equal(json.code, 6);
    t.match(JSON.parse(json.out), { error: { code: 'daemon.unreachable' } });
  }
});

t.test('without a daemon a mistake in the settings is told with its place', async (t) => {
  const root = t.testdir({ etc: { onstead: { 'onstead.yaml': 'edge:\n  http: 443\n' } } });
  const { code, err } = await onstead(['status'], { root });
  t.equal(code, 6);
  t.match(err, /^error: The Onstead daemon is not running .*onstead\.yaml have a mistake\.\n/);
  t.match(err, /onstead\.yaml:2:9 "http" is 443; it must be another port than "https"/);
  t.match(err, /\nnext: Line 2: Write for example http: 80\. Then start it with `.*start`\.\n$/);
});

t.test('the version is told with a daemon or without', async (t) => {
  for (const word of ['version', '--version'])
    t.match(await onstead([word]), { code: 0, out: /^onstead \d+\.\d+\.\d+\nno daemon is running\n$/ });
  t.match(JSON.parse((await onstead(['version', '--json'])).out), { program: /^\d/, daemon: null });
  const socket = await openDaemon(t, {
    'GET /api/version': { onstead: '9.9.9', node: '26', startedAt: '2026-11-21T05:00:00Z' },
  });
  t.match(await onstead(['version'], { socket }), { code: 0, out: /daemon {2}9\.9\.9/ });
});

t.test("the daemon's refusals keep their sentence, their next action and their exit code", async (t) => {
  const socket = await openDaemon(t, {});
  const { code, err } = await onstead(['operations', 'show', 'nobody'], { socket });
  t.equal(code, 2);
  t.equal(err, 'error: Nothing at /api/operations/nobody.\nnext: Look elsewhere.\n');
});

t.test('an answer that is no JSON is said to be one', async (t) => {
  const socket = await openDaemon(t, {
    'GET /api/status': (
      _request: unknown,
      response: { writeHead(code: number): { end(text: string): void } },
    ) => response.writeHead(502).end('<html>'),
  });
  t.match(await onstead(['status'], { socket }), { code: 6, err: /answered 502 without a reason/ });
});

t.test('exit codes follow the first word of the code', async (t) => {
  const expected = {
    usage: 2,
    bundle: 3,
    release: 3,
    settings: 3,
    preflight: 4,
    machine: 4,
    sizing: 4,
    engine: 4,
    compose: 4,
    operation: 5,
    daemon: 6,
    anything: 1,
  };
  for (const [room, code] of Object.entries(expected))
    t.equal(exitCodeOf(new OnsteadError(`${room}.x`, 'No.')), code, room);
  t.equal(exitCodeOf(new Error('no')), 1);
  t.equal(exitCodeOf('no'), 1);
});

t.test('a person at a terminal gets colours, unless he does not want them', async (t) => {
  t.match((await onstead(['help'], { tty: true })).out, ESCAPE);
  const plain = (await onstead(['help'])).out;
  t.notMatch(plain, ESCAPE);
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
    t.equal((await onstead(['help'], { tty: true, env })).out, plain, JSON.stringify(env));
    t.notMatch((await onstead(['nothing'], { tty: true, env })).err, ESCAPE);
  }
  t.notMatch((await onstead(['nothing', '--json'], { tty: true })).out, ESCAPE);
});

t.test('`onstead size` counts for a machine that is only named', async (t) => {
  const words = ['size', '--cpu', '8', '--memory', '32G', '--disk', '1T'];
  const plain = await onstead([...words, '--explain']);
  t.match(plain, { code: 0, out: /8 CPUs, 32 GB of memory/ });
  t.match(JSON.parse((await onstead([...words, '--json'])).out), {
    ok: true,
    plan: { machine: { cpus: 8 } },
  });
  t.match(await onstead(['size', '--cpu', '1', '--memory', '512M', '--disk', '1T']), { code: 4, out: /✗/ });
  for (const wrong of [
    ['--cpu', 'many'],
    ['--memory', 'much'],
    ['--disk', ''],
  ]) {
    const { code, err } = await onstead(['size', '--cpu', '8', '--memory', '32G', '--disk', '1T', ...wrong]);
    t.equal(code, 2, wrong.join(' '));
    t.match(err, /^error: .*\nnext: /);
  }
});

t.test('sizes of a machine that is only named need a unit, and it is not called this machine', async (t) => {
  for (const flag of ['--memory', '--disk']) {
    const { code, err } = await onstead(['size', flag, '16']);
    t.match([code, err], [2, 'error: "16" has no unit.\nnext: For example 16G.\n']);
  }
  const small = ['size', '--cpu', '1', '--memory', '512M', '--disk', '1P'];
  t.match((await onstead(small)).out, /the machine you think of has 512 MB/);
  t.match((await onstead([...small, '--memory', '16G'])).out, /1 CPU, 16 GB of memory, 1 PB of disk/);
});

t.test('an answer that cannot be written is said in a sentence, and is no success', async (t) => {
  const main = join(import.meta.dirname, '../../../src/main.ts');
  const words = ['-c', '"$0" "$1" help > /dev/full', process.execPath, main];
  const { code, stderr } = await run('sh', words, { accept: [4] });
  t.equal(code, 4);
  t.match(stderr, /^error: The answer cannot be written: ENOSPC[^\n]*\nnext: [^\n]*\n$/);
});

t.test('a reader who reads no further ends the command without a word', async (t) => {
  const line = { service: 'app', container: 'app-1', stream: 'stdout', at: '', line: 'x'.repeat(1000) };
  const socket = await openDaemon(t, {
    'GET /api/services/app/logs?tail=100&follow=true': ((_request, response) => {
      const timer = setInterval(() => response.write(`${JSON.stringify(line)}\n`), 5);
      response.on('close', () => clearInterval(timer));
    }) satisfies Handler,
  });
  const root = join(socket, '..');
  await mkdir(join(root, 'run'));
  await symlink(socket, join(root, 'run/onstead.sock'));
  const main = join(import.meta.dirname, '../../../src/main.ts');
  const command = `"${process.execPath}" "${main}" logs app --follow | head -n 2`;
  const { stdout, stderr } = await run('sh', ['-c', command], {
    env: { ...process.env, ONSTEAD_ROOT: root },
    timeoutMs: 30_000,
  });
  t.equal(stdout.trim().split('\n').length, 2);
  t.equal(stderr, '');
});

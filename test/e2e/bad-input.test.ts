// Bad bundles, bad settings, a bad moment: each is refused with a sentence that says what and what to do, nothing is
// left behind, and the same command works once the cause is gone.

import { spawn } from 'node:child_process';
import { copyFile, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { buildTiny, COMPOSE, IMAGES, pair, sourceOf } from '../unit/release/bundle-fixture.ts';
import { TestAppliance, type CliResult } from './appliance.ts';
import { isClear, must } from './clear-answer.ts';
import { demoBundle } from './demo-bundle.ts';
import { footprint } from './footprint.ts';

t.setTimeout(600_000);

const bundle = await demoBundle('1.1.0');
const older = await demoBundle('1.0.0');
const appliance = await TestAppliance.make({ publicKey: bundle.publicKey });
const { paths } = appliance;
const folder = `${paths.root}-in`;
await mkdir(folder);
t.teardown(async () => {
  await appliance.remove();
  await rm(folder, { recursive: true, force: true });
});

const GOOD_SETTINGS = 'limits: { memory: 5G, disk: 40G }\n';

const install = (path = bundle.path): Promise<CliResult> => appliance.onstead(['install', path]);
const operations = (): Promise<unknown[]> => appliance.client.get<unknown[]>('/api/operations');

t.test('settings with mistakes keep the daemon from starting, and all are named at once', async (t) => {
  await writeFile(
    paths.settings,
    'project: "No Good!"\nedge: { http: 99999, https: yes, colour: red }\nlimits: { memory: lots }\n',
  );
  const refused = await appliance.onstead(['serve']);
  t.equal(refused.code, 3, refused.stderr);
  for (const word of ['project', 'http', 'https', 'colour', 'memory'])
    t.match(refused.stderr, new RegExp(word));
  t.match(refused.stderr, /onstead\.yaml:2:\d+/, 'with line and column');
  isClear(t, refused);

  const bomb = [
    'a0: &a0 [x, x]',
    ...Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`),
  ];
  for (const [what, text] of [
    ['an alias bomb', `${bomb.join('\n')}\n`],
    ['no YAML', 'edge: { http: 80\n'],
    ['a list', '- edge\n'],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a])],
    ['a key of the language itself', '__proto__: { project: x }\nconstructor: 1\n'],
    ['deep nesting', `edge: ${'['.repeat(20_000)}`],
  ] as const) {
    await writeFile(paths.settings, text);
    const answer = await appliance.onstead(['serve']);
    t.equal(answer.code, 3, `${what}: ${answer.stderr.slice(0, 300)}`);
    isClear(t, answer);
  }
  await rm(paths.settings);
  await mkdir(paths.settings);
  const unreadable = await appliance.onstead(['serve']);
  t.equal(unreadable.code, 3, unreadable.stderr);
  t.match(unreadable.stderr, /cannot be read/);
  await rm(paths.settings, { recursive: true });

  await appliance.writeSettings(GOOD_SETTINGS);
  await appliance.start();
  t.ok(appliance.isRunning, 'it starts once the file is right');
});

t.test('a second daemon on the same folders is refused, and the first goes on', async (t) => {
  const second = await appliance.onstead(['serve']);
  t.equal(second.code, 5, second.stderr);
  t.match(second.stderr, /Another Onstead daemon works in/);
  isClear(t, second);
  t.ok(await appliance.client.get('/api/version'));
});

t.test(
  'a bundle that is not whole, not signed by a known vendor or not for here changes nothing',
  async (t) => {
    const at = (name: string): string => join(folder, name);
    const write = async (name: string, bytes: Uint8Array): Promise<string> => {
      await writeFile(at(name), bytes);
      return at(name);
    };
    const tiny = await buildTiny(folder);
    const before = await footprint(appliance);
    const refuse = async (path: string, expected: RegExp, what: string): Promise<void> => {
      const answer = await install(path);
      t.equal(answer.code, 3, `${what}: ${answer.stderr}`);
      t.match(answer.stderr, expected, what);
      isClear(t, answer);
    };

    await refuse(tiny.path, /key/, 'signed by a key that is not trusted');
    await writeFile(join(paths.trust, 'second.pub'), pair.publicKey);

    for (const part of [0, 1, 511, 600, 0.1, 0.5, 0.9]) {
      const size = part < 1 ? Math.floor(tiny.bytes.length * part) : part;
      const path = await write(`cut-${part}.tar`, tiny.bytes.subarray(0, size));
      await refuse(path, /cut off|not an Onstead bundle|damaged|empty/, `cut off after ${size} bytes`);
    }
    await refuse(
      await write('cut-end.tar', tiny.bytes.subarray(0, -1)),
      /cut off/,
      'the last byte is missing',
    );
    for (const part of [0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999]) {
      const bytes = Buffer.from(tiny.bytes);
      const offset = Math.floor(bytes.length * part);
      bytes[offset]! ^= 1;
      await refuse(await write('flipped.tar', bytes), /./, `a flipped bit at ${offset}`);
    }
    const large = at('large.tar');
    await copyFile(bundle.path, large);
    await flipBit(large, 0.6);
    await refuse(large, /damaged/, 'a flipped bit in a layer of a real bundle');
    await rm(large);
    await refuse(
      await write('text.tar', Buffer.from('hello\n'.repeat(1000))),
      /not an Onstead bundle/,
      'some text',
    );
    await refuse(at('nothing.tar'), /There is no bundle/, 'a file that is not there');
    await refuse(folder, /it is not a file/, 'a folder');
    await refuse('/dev/zero', /./, 'a device');

    const images = IMAGES.map((image) => ({ ...image, arch: 'arm64' }));
    const arm = await buildTiny(folder, {
      ...{ imageSource: await sourceOf(images), platform: 'linux/arm64', outPath: at('arm.tar') },
    });
    await refuse(arm.path, /for arm64; this machine is amd64/, 'for another architecture');

    const trusted = await readFile(join(paths.trust, 'test.pub'));
    await rm(join(paths.trust, 'test.pub'));
    await rm(join(paths.trust, 'second.pub'));
    await refuse(bundle.path, /key/, 'no key is trusted at all');
    await writeFile(join(paths.trust, 'test.pub'), 'not a key\n');
    await refuse(bundle.path, /key/, 'the trusted key is damaged');
    await writeFile(join(paths.trust, 'test.pub'), trusted);

    t.strictSame(await footprint(appliance), before, 'nothing was left');
    t.strictSame(await operations(), [], 'no operation was begun');
  },
);

async function flipBit(path: string, part: number): Promise<void> {
  const file = await open(path, 'r+');
  const offset = Math.floor((await stat(path)).size * part);
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, offset);
  byte[0]! ^= 0x10;
  await file.write(byte, 0, 1, offset);
  await file.close();
}

t.test('a machine that is too small is told exactly what is missing', async (t) => {
  const before = await footprint(appliance);
  await appliance.stop();
  await appliance.writeSettings('limits: { memory: 1G, disk: 40G }\n');
  await appliance.start();
  const answer = await install();
  t.equal(answer.code, 4, answer.stderr);
  t.match(answer.stderr, /memory|RAM/i);
  t.match(answer.stderr, /1(\.0)? Gi?B/);
  isClear(t, answer);
  await appliance.stop();
  await appliance.writeSettings(GOOD_SETTINGS);
  await appliance.start();
  t.strictSame(await footprint(appliance), before);
});

t.test('a port that is taken is named with the program that has it', async (t) => {
  const before = await footprint(appliance);
  const script = `require('node:net').createServer().listen(${appliance.httpsPort}, () => console.log('listening'))`;
  const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  const answer = await install();
  holder.kill('SIGKILL');
  t.equal(answer.code, 4);
  t.match(
    answer.stdout,
    new RegExp(`port ${appliance.httpsPort} is taken by node \\(process ${holder.pid}\\)`),
  );
  t.match(answer.stdout, new RegExp(`Next: .*${holder.pid}`));
  isClear(t, answer);
  t.strictSame(await footprint(appliance), before, 'nothing is half done');
});

t.test('a clock that is a year behind is refused, one that is a year ahead is doubted', async (t) => {
  const before = await footprint(appliance);
  await appliance.stop();
  const clockOff = async (by: string): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await must('faketime', ['-f', by, 'env']))
        .split('\n')
        .filter((line) => /^(LD_PRELOAD|FAKETIME.*)=/.test(line))
        .map((line) => [line.split('=')[0]!, line.slice(line.indexOf('=') + 1)]),
    );
  await appliance.start(await clockOff('-1y'));
  const answer = await install();
  t.equal(answer.code, 4);
  t.match(answer.stdout, /This machine is not ready: .*\d+ days before/);
  isClear(t, answer);
  await appliance.stop();

  const ahead = await appliance.onstead(['preflight', '--json'], await clockOff('+1y'));
  const { checks } = JSON.parse(ahead.stdout) as { checks: { id: string; status: string; found: string }[] };
  t.match(
    checks.find(({ id }) => id === 'clock-plausible'),
    { status: 'warn', found: /days after/ },
  );
  await appliance.start();
  t.strictSame(await footprint(appliance), before);
});

t.test('while one installation runs another one is refused, and the first one ends well', async (t) => {
  const first = await appliance.onstead(['install', bundle.path, '--detach', '--json']);
  const { operation: id } = JSON.parse(first.stdout) as { operation: string };
  const second = await appliance.onstead(['install', older.path]);
  t.not(second.code, 0);
  t.match(second.stderr, new RegExp(id), 'it says which one runs');
  const same = await appliance.onstead(['install', bundle.path, '--detach', '--json']);
  t.equal((JSON.parse(same.stdout) as { operation: string }).operation, id, 'the same one is joined');
  isClear(t, second);
  const { code, stdout } = await appliance.onstead(['operations', 'show', id, '--follow']);
  t.equal(code, 0, stdout);
  t.equal((await appliance.onstead(['status'])).code, 0, 'after all the causes are gone, it works');
});

t.test('an older release and another product are refused over the one that runs', async (t) => {
  await writeFile(join(paths.trust, 'second.pub'), pair.publicKey);
  const before = await footprint(appliance);
  const back = await install(older.path);
  t.equal(back.code, 3);
  t.match(back.stderr, /1\.0\.0; 1\.1\.0 has been seen/);
  isClear(t, back);
  const other = await buildTiny(folder, {
    ...{ composeText: COMPOSE.replace('name: notes', 'name: other'), outPath: join(folder, 'other.tar') },
  });
  const wrong = await install(other.path);
  t.equal(wrong.code, 3);
  t.match(wrong.stderr, /release of "other"; here "notes" is installed/);
  isClear(t, wrong);
  t.strictSame(await footprint(appliance), before);
});

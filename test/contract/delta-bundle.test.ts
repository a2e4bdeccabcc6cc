// Deltas on a real engine: what they leave out is taken from what is there.

import { mkdir, writeFile } from 'node:fs/promises';
import t from 'tap';
import { run } from '../../src/base/process.ts';
import { baseOfFingerprint, readFingerprint } from '../../src/release/index.ts';
import { imageNameFor } from '../../src/stack/index.ts';
import { runCommand } from '../e2e/appliance.ts';
import {
  at,
  mark,
  BASE,
  project,
  engine,
  pair,
  tags,
  composeOf,
  forgetAll,
  build,
  load,
  plan,
  isLoaded,
  contentOf,
  full,
  second,
  third,
  fingerprintHere,
  bringBackSources,
} from './delta-lab.ts';

t.test('a full bundle, then a delta of its app: the image is the one that was signed', async (t) => {
  await forgetAll();
  const whole = await load('first.tar');
  t.ok(whole > 3_000_000);
  t.ok(second.sizeBytes < full.sizeBytes / 20, `${second.sizeBytes} of ${full.sizeBytes} bytes`);
  await plan('delta.tar');
  t.ok((await load('delta.tar')) < 50_000);
  t.ok(await isLoaded(second.index));
  t.equal(await contentOf(second.index, '/app.txt'), `app 1.1.0 ${mark}\n`);
  t.equal(await contentOf(second.index, '/base.txt'), `base ${mark}\n`, 'the base comes from what was there');
});

t.test('a delta on a delta', async (t) => {
  await forgetAll();
  await load('first.tar');
  await t.resolves(
    plan('third.tar'),
    'what 1.1.0 brought by itself is not in it: only the app, which differs',
  );
  await load('delta.tar');
  await load('third.tar');
  t.ok(await isLoaded(third.index));
  t.equal(await contentOf(third.index, '/app.txt'), `app 1.2.0 ${mark}\n`);
});

t.test('layers that are there are not sent again from a full bundle either', async (t) => {
  await forgetAll();
  await load('first.tar');
  t.ok((await load('full.tar')) < 50_000);
  t.ok(await isLoaded(full.index));
});

t.test('a failed version can be uploaded again', async (t) => {
  await forgetAll();
  await load('first.tar');
  await load('delta.tar');
  const [image] = second.index.images;
  await engine.images.remove(imageNameFor(project, image!));
  await plan('delta.tar');
  await load('delta.tar');
  t.ok(await isLoaded(second.index));
});

t.test('a fingerprint goes out and a delta comes back that fits exactly', async (t) => {
  await forgetAll();
  await load('first.tar');
  const text = await fingerprintHere();
  t.ok(text.length < 2000, `${text.length} bytes`);
  await bringBackSources();
  const cut = await build('1.1.0', 'cut.tar', [baseOfFingerprint('f.json', readFingerprint(text))]);
  t.strictSame(cut.index.omits, second.index.omits);
  await forgetAll();
  await load('first.tar');
  await plan('cut.tar');
  await load('cut.tar');
  t.ok(await isLoaded(cut.index));
});

t.test('`onstead bundle` cuts, shows and verifies deltas', async (t) => {
  await forgetAll();
  await load('first.tar');
  await writeFile(at('mail.txt'), (await fingerprintHere()).replace(/^/gm, '> '));
  await writeFile(at('torn.txt'), (await fingerprintHere()).slice(0, 300));
  await bringBackSources();
  await writeFile(at('compose.yaml'), composeOf('1.1.0'));
  await writeFile(at('vendor.key'), pair.secretKey, { mode: 0o600 });
  await writeFile(at('vendor.pub'), pair.publicKey);
  const main = new URL('../../src/main.ts', import.meta.url).pathname;
  const onstead = (...words: string[]) => runCommand(process.execPath, [main, 'bundle', ...words], {});
  const cut = (...words: string[]) =>
    onstead(
      'build',
      at('compose.yaml'),
      '--key',
      at('vendor.key'),
      '--out',
      at('cli.tar'),
      '--without-daemon',
      '--image',
      `nginx=${BASE}`,
      ...words,
    );
  const ways = [
    ['--from', at('first.tar')],
    ['--for', at('mail.txt')],
  ];
  for (const way of ways) {
    const built = await cut(...way);
    t.equal(built.code, 0, built.stderr);
    t.match(built.stdout, /A delta on 1\.0\.0: it leaves out 2 layers \(.*\), which must be there\./);
  }
  t.match((await onstead('inspect', at('cli.tar'))).stdout, /needs 2 of 3 layers .*needs all \(/s);
  const verify = () => onstead('verify', at('cli.tar'), '--trust', at('vendor.pub'));
  t.match(await verify(), { code: 0, stdout: /Every layer that it leaves out is on this machine/ });
  const mistakes: [string[], number, RegExp][] = [
    [['--for', at('torn.txt')], 3, /torn\.txt cannot be used/],
    [['--for', at('none.txt')], 2, /none\.txt cannot be read/],
    [['--from', at('none.tar')], 3, /no such file/],
    [['--from', at('first.tar'), '--for', at('mail.txt')], 2, /two things/],
    [['--from', at('third.tar')], 3, /third\.tar is no base: .*older/],
  ];
  for (const [words, code, sentence] of mistakes) {
    const refused = await cut(...words);
    t.equal(refused.code, code, words.join(' '));
    t.match(refused.stderr, sentence);
    t.match(refused.stderr, /^error: .*\nnext: .*\n$/);
  }
  await forgetAll();
  t.match(await verify(), {
    code: 3,
    stderr: /layers that it leaves out are not on this machine: 2 of 3 of app/,
  });
});

t.test('plain docker load takes a delta where its base is, and loads nothing where it is not', async (t) => {
  for (const { contentTag } of second.index.images) tags.add(contentTag);
  const app = second.index.images.find(({ services }) => services.includes('app'))!;
  await forgetAll();
  await t.rejects(run('docker', ['load', '-i', at('delta.tar')]));
  t.equal(await engine.images.inspect(app.contentTag), undefined);
  await load('first.tar');
  await run('docker', ['load', '-i', at('delta.tar')]);
  t.equal((await engine.images.inspect(app.contentTag))?.id, app.configDigest);
});

t.test('minisign and sha256sum verify a delta without Onstead', async (t) => {
  const cwd = at('unpacked');
  await mkdir(cwd);
  await run('tar', ['-xf', at('delta.tar')], { cwd });
  await writeFile(at('vendor.pub'), pair.publicKey);
  await run('minisign', ['-Vm', 'SHA256SUMS', '-p', at('vendor.pub')], { cwd });
  const sums = await run('sha256sum', ['--strict', '-c', 'SHA256SUMS'], { cwd });
  t.equal(sums.stdout.trim().split('\n').length, second.index.files.length + 1);
});

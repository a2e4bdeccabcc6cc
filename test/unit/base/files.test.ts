// A file is written whole or not at all, and nothing is left beside it.

import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../../../src/base/files.ts';

async function openFolder(t: { teardown(end: () => unknown): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'onstead-files-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

t.test('text and bytes are written with the mode that was asked for', async (t) => {
  const folder = await openFolder(t);
  const path = join(folder, 'file');
  await writeFileAtomic(path, 'ä', { mode: 0o600 });
  t.equal(await readFile(path, 'utf8'), 'ä');
  t.equal((await stat(path)).mode & 0o777, 0o600);
  await writeFileAtomic(path, new Uint8Array([0, 255]), { mode: 0o444 });
  t.strictSame([...(await readFile(path))], [0, 255]);
  t.equal((await stat(path)).mode & 0o777, 0o444);
  t.strictSame(await readdir(folder), ['file']);
});

t.test('the mode holds whatever the umask says', async (t) => {
  const path = join(await openFolder(t), 'file');
  const before = process.umask(0o077);
  t.teardown(() => process.umask(before));
  await writeFileAtomic(path, 'x', { mode: 0o644 });
  t.equal((await stat(path)).mode & 0o777, 0o644);
});

t.test('the owner is given', async (t) => {
  const path = join(await openFolder(t), 'file');
  const owner =
    process.getuid!() === 0
      ? { uid: 12_345, gid: 23_456 }
      : { uid: process.getuid!(), gid: process.getgid!() };
  await writeFileAtomic(path, 'x', { owner });
  const { uid, gid } = await stat(path);
  t.strictSame({ uid, gid }, owner);
});

t.test('a failure leaves the target as it was and no draft', async (t) => {
  const folder = await openFolder(t);
  const path = join(folder, 'file');
  await writeFile(path, 'before');
  await t.rejects(writeFileAtomic(path, 'after', { owner: { uid: -5, gid: -5 } }), {
    code: 'ERR_OUT_OF_RANGE',
  });
  t.equal(await readFile(path, 'utf8'), 'before');
  t.strictSame(await readdir(folder), ['file']);
  await mkdir(join(folder, 'taken/inside'), { recursive: true });
  await t.rejects(writeFileAtomic(join(folder, 'taken'), 'x'), { code: /EISDIR|ENOTEMPTY|EEXIST/ });
  t.strictSame((await readdir(folder)).sort(), ['file', 'taken']);
  await t.rejects(writeFileAtomic(join(folder, 'no/such/folder'), 'x'), { code: 'ENOENT' });
});

t.test('writers at the same time leave one of their texts, whole', async (t) => {
  const folder = await openFolder(t);
  const texts = Array.from({ length: 8 }, (_, at) => String(at).repeat(100_000));
  await Promise.all(texts.map((text) => writeFileAtomic(join(folder, 'file'), text)));
  t.ok(texts.includes(await readFile(join(folder, 'file'), 'utf8')));
  t.strictSame(await readdir(folder), ['file']);
});

t.test('an absent file is no text, everything else is an error', async (t) => {
  const folder = await openFolder(t);
  t.equal(await readTextIfAny(join(folder, 'absent')), undefined);
  t.equal(await readTextIfAny(join(folder, 'no/folder')), undefined);
  await t.rejects(readTextIfAny(folder), { code: 'EISDIR' });
  await ensureFolder(join(folder, 'a/b'), 0o700);
  await ensureFolder(join(folder, 'a/b'), 0o700);
  t.equal((await stat(join(folder, 'a/b'))).mode & 0o777, 0o700);
});

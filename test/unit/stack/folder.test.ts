// The stack's folder holds exactly its files, and any difference is found.

import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { changedFiles, findDrift, keepStack, restoreStack, writeStack } from '../../../src/stack/index.ts';
import { openFolder, releaseText, renderText } from './lab.ts';

const files = renderText(releaseText);

t.test('what was written is found as it should be', async (t) => {
  const folder = join(await openFolder(t), 'stack');
  t.strictSame(await findDrift(folder, files), [...files.keys()].sort(), 'everything is missing at first');
  await writeStack(folder, files);
  t.strictSame(await findDrift(folder, files), []);
  for (const [path, text] of files) t.equal(await readFile(join(folder, path), 'utf8'), text, path);
});

t.test('a file changed by hand, one missing and one left over are found and put right', async (t) => {
  const folder = await openFolder(t);
  await writeStack(folder, files);
  await writeFile(join(folder, 'compose.yaml'), `${releaseText}\n`);
  await rm(join(folder, 'config/redis/redis.conf'));
  await mkdir(join(folder, 'config/gone/deep'), { recursive: true });
  await writeFile(join(folder, 'config/gone/deep/old.conf'), 'old');
  t.strictSame(await findDrift(folder, files), [
    'compose.yaml',
    'config/gone/deep/old.conf',
    'config/redis/redis.conf',
  ]);
  await writeStack(folder, files);
  t.strictSame(await findDrift(folder, files), []);
});

t.test('files that are right already are not written again', async (t) => {
  const folder = await openFolder(t);
  await writeStack(folder, files);
  const inodes = async () =>
    Promise.all([...files.keys()].map(async (path) => (await stat(join(folder, path))).ino));
  const before = await inodes();
  await writeStack(folder, files);
  t.strictSame(await inodes(), before);
});

t.test("a person's own files beside the stack's are left alone", async (t) => {
  const folder = await openFolder(t);
  await writeFile(join(folder, 'notes.txt'), 'mine');
  await writeStack(folder, files);
  t.strictSame(await findDrift(folder, files), []);
  t.ok((await readdir(folder)).includes('notes.txt'));
});

t.test(
  'a change is taken back from the copy that was kept before it, also when it was begun twice',
  async (t) => {
    const root = await openFolder(t);
    const [folder, copy] = [join(root, 'stack'), join(root, 'stack.before')];
    await writeStack(folder, files);
    t.equal(await restoreStack(folder, copy), false, 'without a copy there is nothing to take back');
    await keepStack(folder, copy);
    const changed = new Map([...files, ['compose.yaml', 'other'], ['config/new/file', 'new']]);
    await writeStack(folder, changed);
    await keepStack(folder, copy); // begun again after a crash: the older copy counts
    t.equal(await restoreStack(folder, copy), true);
    t.strictSame(await findDrift(folder, files), []);
  },
);

t.test('nginx lets a long download end for longer than the app may take to leave', (t) => {
  const patience = (drain: string): string | undefined =>
    /worker_shutdown_timeout (\w+);/.exec(
      renderText(releaseText.replace(/drain: \w+/, `drain: ${drain}`)).get('config/nginx/nginx.conf')!,
    )?.[1];
  t.equal(patience('5s'), '75s');
  t.equal(patience('10m'), '615s');
  t.end();
});

t.test('a copy that somebody changed, or took a file of, is not taken for what was kept', async (t) => {
  const root = await openFolder(t);
  const [folder, copy] = [join(root, 'stack'), join(root, 'copy')];
  await writeStack(folder, files);
  await keepStack(folder, copy);
  t.strictSame(await changedFiles(copy), []);
  await writeFile(join(copy, 'compose.override.yaml'), '# mine');
  await rm(join(copy, 'config/redis/redis.conf'));
  t.strictSame((await changedFiles(copy)).toSorted(), ['compose.override.yaml', 'config/redis/redis.conf']);
  await rm(join(copy, 'files.sha256'));
  t.strictSame(await changedFiles(copy), ['files.sha256']);
});

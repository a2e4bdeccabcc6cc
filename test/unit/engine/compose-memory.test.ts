// What Compose said is not asked again while it would say the same, and is asked again as soon as it might not.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { ComposeMemory } from '../../../src/engine/index.ts';

t.test('hashes are asked for once as long as the files are as they were', async (t) => {
  const files = ['compose.yaml', '.env'].map((name) => join(t.testdir({ 'compose.yaml': 'one' }), name));
  const memory = new ComposeMemory();
  let asked = 0;
  const ask = async () => ({ app: String((asked += 1)) });
  t.strictSame(await memory.hashes(files, ask), { app: '1' });
  t.strictSame(await memory.hashes(files, ask), { app: '1' });
  await writeFile(files[0]!, 'two');
  t.strictSame(await memory.hashes(files, ask), { app: '2' });
  await writeFile(files[1]!, 'X=1');
  t.strictSame(await memory.hashes(files, ask), { app: '3' }, 'a file that was not there');
  t.strictSame(await memory.hashes(files.slice(0, 1), ask), { app: '4' }, 'others are others');
});

t.test('hashes of files that change while they are read are not kept', async (t) => {
  const file = join(t.testdir({ 'compose.yaml': 'one' }), 'compose.yaml');
  const memory = new ComposeMemory();
  await memory.hashes([file], async () => {
    await writeFile(file, 'two');
    return { app: 'of two' };
  });
  await writeFile(file, 'one');
  t.strictSame(await memory.hashes([file], async () => ({ app: 'of one' })), { app: 'of one' });
});

t.test('the version is asked for once, and again after a failure', async (t) => {
  const memory = new ComposeMemory();
  await t.rejects(memory.version(() => Promise.reject(new Error('no Compose'))));
  const both = await Promise.all([memory.version(async () => '2.40.3'), memory.version(async () => '9')]);
  t.strictSame(both, ['2.40.3', '2.40.3']);
});

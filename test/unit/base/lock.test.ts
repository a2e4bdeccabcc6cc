import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { tryLock, withLock } from '../../../src/base/lock.ts';

const lockModule = new URL('../../../src/base/lock.ts', import.meta.url).href;

/** Another process that holds the lock until it is ended. */
async function holder(path: string) {
  const program = `import { tryLock } from ${JSON.stringify(lockModule)};
globalThis.held = tryLock(${JSON.stringify(path)});
console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

t.test('one holder at a time, in one process and between two', async (t) => {
  const path = join(t.testdir(), 'lock');
  const first = tryLock(path);
  t.ok(first);
  t.equal(tryLock(path), undefined, 'not twice in one process');
  first?.release();
  const other = await holder(path);
  t.equal(tryLock(path), undefined, 'not beside another process');
  other.kill('SIGKILL');
  await once(other, 'close');
  const after = tryLock(path);
  t.ok(after, 'the lock of a process that was killed is free at once');
  t.strictSame(readdirSync(dirname(path)), ['lock'], 'nothing lies beside it');
  after?.release();
});

t.test('whoever waits gets it next, is told once, and gives it back after a failure', async (t) => {
  const path = join(t.testdir(), 'lock');
  const story: string[] = [];
  const first = withLock(path, async () => {
    await sleep(1_500);
    story.push('first');
    throw new Error('no');
  });
  const second = withLock(path, async () => void story.push('second'), {
    onWait: () => story.push('waits'),
  });
  await t.rejects(first, { message: 'no' });
  await second;
  t.strictSame(story, ['waits', 'first', 'second']);
});

t.test('waiting ends with its signal, and the work is not begun', async (t) => {
  const path = join(t.testdir(), 'lock');
  const held = tryLock(path);
  const signal = AbortSignal.timeout(150);
  const work = async (): Promise<void> => void t.fail('the work was begun');
  await t.rejects(withLock(path, work, { signal }), { name: 'AbortError' });
  held?.release();
});

// Children that a killed daemon left behind are ended, and no other process is touched.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import t from 'tap';
import { endOrphans, ownerMark } from '../../../src/base/orphans.ts';

const owner = (): string => `/test/${randomBytes(6).toString('hex')}`;

/** As a process began it that is gone by now. */
const leftBy = (name: string): NodeJS.ProcessEnv => ({
  ...ownerMark(name),
  ONSTEAD_OWNER_PROCESS: `${process.pid}@1`,
});

async function started(
  t: { teardown(end: () => unknown): void },
  script: string,
  env: NodeJS.ProcessEnv,
): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', `${script}`], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  return child;
}

t.test('a marked child is ended, an unmarked one and one of another owner are not', async (t) => {
  const mine = owner();
  const marked = await started(t, 'echo up; exec sleep 60', leftBy(mine));
  const others = [
    await started(t, 'echo up; exec sleep 60', {}),
    await started(t, 'echo up; exec sleep 60', leftBy(`${mine}2`)),
    await started(t, 'echo up; exec sleep 60', leftBy(mine.slice(0, -1))),
    await started(t, 'echo up; exec sleep 60', { NOT_ONSTEAD_OWNER: mine }),
  ];
  const ended = once(marked, 'exit');
  t.strictSame(await endOrphans(mine), [marked.pid]);
  t.strictSame(await ended, [null, 'SIGTERM']);
  for (const other of others) t.equal(other.exitCode ?? other.signalCode, null);
  t.strictSame(await endOrphans(mine), []);
});

t.test("a child's own children carry the mark too", async (t) => {
  const mine = owner();
  const parent = await started(t, 'sleep 60 & echo $!; wait', leftBy(mine));
  t.equal((await endOrphans(mine)).length, 2);
  t.ok(parent.pid);
});

t.test('one that does not listen is ended the hard way', async (t) => {
  const mine = owner();
  const deaf = await started(t, `trap '' TERM; echo up; while :; do sleep 0.2; done`, leftBy(mine));
  const ended = once(deaf, 'exit');
  t.ok((await endOrphans(mine)).includes(deaf.pid!));
  t.strictSame(await ended, [null, 'SIGKILL']);
});

t.test('the caller itself is spared', async (t) => {
  const mine = owner();
  const script = `import { endOrphans } from ${JSON.stringify(new URL('../../../src/base/orphans.ts', import.meta.url).href)};
console.log(JSON.stringify(await endOrphans(${JSON.stringify(mine)})));`;
  const self = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: leftBy(mine),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [[said], [code]] = await Promise.all([once(self.stdout!, 'data'), once(self, 'exit')]);
  t.equal(String(said), '[]\n');
  t.equal(code, 0);
});

t.test('what a living process began is left alone', async (t) => {
  const mine = owner();
  const own = await started(t, 'echo up; exec sleep 60', ownerMark(mine));
  t.strictSame(await endOrphans(mine), []);
  t.equal(own.exitCode ?? own.signalCode, null);
});

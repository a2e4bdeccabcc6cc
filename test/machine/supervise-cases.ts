// What an administrator and bad luck do to the supervised daemon, on a machine without systemd.

import { statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import type { CliResult } from '../e2e/appliance.ts';
import type { ScriptMachine } from './script-machine.ts';

/** On a machine where it is installed; `again` are the words of a further installation. */
export function superviseCases(t: Test, on: ScriptMachine, again: readonly string[]): void {
  t.test(
    'a daemon that keeps ending is told with its reason, and comes back when that is put right',
    async (t) => {
      const right = on.read('/etc/onstead/onstead.yaml');
      const mistake = /onstead\.yaml:2:3 "adress" is not a key that stands here\. Did you mean "address"\?/;
      writeFileSync(on.machine.seen('/etc/onstead/onstead.yaml'), 'edge:\n  adress: 10.0.0.1\n');
      await on.supervise('stop');
      const started = await on.supervise('start');
      t.equal(started.code, 1, started.stdout);
      t.match(
        started.stderr,
        /^error: The daemon keeps ending \(1 so far, the last with exit code 3\); process \d+ goes on/,
      );
      t.match(started.stderr, mistake);
      const stated = await on.supervise('status');
      t.equal(stated.code, 1);
      t.match(stated.stderr, mistake);
      t.match(stated.stderr, /\nnext: .*supervise\.sh start\n$/);
      const begunMs = performance.now();
      const installed = await on.install(...again);
      t.equal(installed.code, 6, installed.stdout + installed.stderr);
      t.match(
        installed.stderr,
        /^error: The daemon ends as soon as it is started\. It said last .*onstead\.log\):\n {2}error: /,
      );
      t.match(installed.stderr, mistake);
      t.ok(performance.now() - begunMs < 60_000, 'soon');
      t.comment(`told after ${Math.round(performance.now() - begunMs)} ms`);
      writeFileSync(on.machine.seen('/etc/onstead/onstead.yaml'), right);
      t.match(await on.supervise('start'), { code: 0, stdout: /^the daemon is supervised/ });
      await on.daemonPid();
      t.match(await on.supervise('status'), { code: 0, stdout: /^running/ });
    },
  );

  t.test('a daemon that was killed is started again', async (t) => {
    const pid = await on.daemonPid();
    await on.inside(['kill', '-9', String(pid)]);
    const next = await on.daemonPid();
    t.not(next, pid);
    t.match((await on.supervise('status')).stdout, /^running/);
  });

  t.test('a log that grew is put aside, and two older ones are kept', async (t) => {
    const grow = (round: number): Promise<CliResult> =>
      on.inside(['sh', '-c', `yes "round ${round}" | head -c 11000000 >>/var/log/onstead.log`]);
    await grow(1);
    const pid = await on.daemonPid();
    await on.inside(['kill', '-9', String(pid)]);
    while ((await on.daemonPid()) === pid) await sleep(50);
    t.match(on.read('/var/log/onstead.log.1').slice(-2000), /round 1/, 'when a daemon ended');
    for (const round of [2, 3]) {
      await grow(round);
      await on.supervise('stop');
      await on.supervise('start');
      await on.daemonPid();
    }
    const { stdout } = await on.inside(['sh', '-c', 'cd /var/log && ls onstead.log*']);
    t.equal(stdout, 'onstead.log\nonstead.log.1\nonstead.log.2\n');
    t.ok(statSync(on.machine.seen('/var/log/onstead.log')).size < 1_000_000);
    t.match(on.read('/var/log/onstead.log.1').slice(-2000), /round 3/);
  });

  t.test('a supervisor that was killed is replaced, with the daemon that it left', async (t) => {
    const supervisor = on.read('/run/onstead/supervisor').split(' ')[0]!;
    const orphan = await on.daemonPid();
    await on.inside(['kill', '-9', supervisor]);
    while ((await on.inside(['test', '-d', `/proc/${supervisor}`])).code === 0) await sleep(50);
    t.match((await on.supervise('start')).stdout, /^the daemon is supervised \(process /);
    t.not(await on.daemonPid(), orphan);
    t.not((await on.inside(['test', '-d', `/proc/${orphan}`])).code, 0, 'the orphan was ended');
  });

  t.test('stop ends what it started and nothing else, cleanly', async (t) => {
    const pid = await on.daemonPid();
    t.equal((await on.supervise('stop')).stdout, 'the daemon was stopped\n');
    t.not((await on.inside(['test', '-d', `/proc/${pid}`])).code, 0);
    t.match(on.read('/var/log/onstead.log').trim().split('\n').at(-1), /"stopped"/);
    t.match(await on.note(), /made after the installation/, 'the stack goes on without it');
    t.equal((await on.supervise('stop')).stdout, 'no daemon is supervised\n');
    t.equal((await on.supervise('start')).code, 0);
  });
}

// A data service that is taken back: what its end is told by, and when the way back is over.

import t from 'tap';
import { createLogger } from '../../../src/base/log.ts';
import { pathsUnder } from '../../../src/base/paths.ts';
import type { ContainerFacts } from '../../../src/engine/index.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { endOf } from '../../../src/deploy/upgrade/data/containers.ts';
import type { ReplaceData } from '../../../src/deploy/upgrade/data/job.ts';
import { writeRecord } from '../../../src/deploy/upgrade/data/record.ts';
import { replaceDataStep } from '../../../src/deploy/upgrade/data/replace-data.ts';

/** Goes on by itself as soon as somebody waits. */
function clockOf() {
  let nowMs = 0;
  return {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: async (ms: number) => void (nowMs += ms),
  };
}

type End = Pick<ContainerFacts, 'status' | 'restarts' | 'exitCode' | 'oomKilled'>;
const runsAgain: End = { status: 'running', restarts: 1, exitCode: 0, oomKilled: false };

t.test('one that the engine has started again is looked at until it has ended once more', async (t) => {
  const seen: End[] = [runsAgain, { ...runsAgain, status: 'restarting', restarts: 2, exitCode: 3 }];
  const end = await endOf(runsAgain, async () => seen.shift(), clockOf());
  t.match(end, { status: 'restarting', exitCode: 3 });
});

t.test('one that is down says at once how it ended', async (t) => {
  const down: End = { ...runsAgain, status: 'exited', exitCode: 3 };
  t.equal(await endOf(down, () => t.fail('nobody needs to look') as never, clockOf()), down);
});

t.test('one that lives on since its first end is not waited for without end', async (t) => {
  t.equal(await endOf(runsAgain, async () => runsAgain, clockOf()), runsAgain);
  t.equal(await endOf(runsAgain, async () => undefined, clockOf()), runsAgain, 'nor one that is removed');
});

t.test('the way back is over when the engine knows that the service is well', async (t) => {
  const paths = pathsUnder(t.testdir());
  const app = { service: 'app', port: 3000, ready: '/ready' };
  const input = { project: 'trial', service: 'redis', role: 'redis', app } as ReplaceData;
  await writeRecord({ paths }, 'upgrade-1', 'redis', { stale: ['old'], ready: ['app-1'], isBack: true });
  const waited: string[] = [];
  const notes: string[] = [];
  const refusals: Error[] = [];
  const containers = {
    list: async ({ service }: { service: string }) =>
      (service === 'app' ? ['app-1', 'app-2'] : ['again']).map((id) => ({ id, oneOff: false })),
    waitHealthy: async (ids: readonly string[]) => {
      waited.push(...ids);
      for (const why of refusals) throw why;
    },
  };
  const tools = {
    ...{ paths, clock: clockOf(), log: createLogger('silent') },
    engine: async () => ({ containers }),
  } as unknown as DeployTools;
  const context = {
    ...{ operation: 'upgrade-1', signal: new AbortController().signal },
    ...{ progress: () => {}, note: (text: string) => void notes.push(text) },
  };
  const { undo } = replaceDataStep(tools);
  await undo!(input, context);
  t.strictSame(waited, ['again', 'app-1'], 'and so is whoever was ready before');
  refusals.push(new Error('it was not healthy in time'));
  await undo!(input, context);
  const said = 'it was not healthy in time';
  t.strictSame(notes, [said, said], 'what it was before nobody can take the place of');
});

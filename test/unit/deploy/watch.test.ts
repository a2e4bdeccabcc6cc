// Watching new replicas of a service that nobody asks through the edge: what the engine says of them is all there is.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { watchDuring, watchService } from '../../../src/deploy/upgrade/gate/watch.ts';
import type { StepContext } from '../../../src/journal/index.ts';
import { holderName } from '../../../src/stack/index.ts';
import { openJournal } from '../journal/lab.ts';
import { releaseText } from '../stack/lab.ts';

const SERVICE = 'worker';
const watched = { project: 'notes', service: SERVICE };

/** `restarts` of the one new replica, look by look; the last one stays. */
async function openTools(t: { teardown(end: () => unknown): void }, restarts: readonly number[]) {
  const { clock, folder } = await openJournal(t);
  const paths = pathsUnder(folder);
  await mkdir(paths.stack, { recursive: true });
  await writeFile(join(paths.stack, 'compose.yaml'), releaseText);
  const begun = clock.now();
  let looks = 0;
  const replica = { id: 'r', name: 'notes-worker-2', labels: { 'com.docker.compose.config-hash': 'new' } };
  const containers = {
    list: async ({ service }: { service?: string }) =>
      service === SERVICE ? [{ ...replica, oneOff: false }] : [{ id: holderName, oneOff: false }],
    inspect: async (id: string) =>
      id === 'r'
        ? { ...replica, status: 'running', restarts: restarts[Math.min(looks++, restarts.length - 1)] }
        : { status: 'running', started: begun },
  };
  const compose = { hashes: async () => ({ [SERVICE]: 'new' }) };
  const tools = {
    ...{ clock, paths, engine: async () => ({ containers }), composeIn: async () => compose },
  } as unknown as DeployTools;
  const progress: string[] = [];
  const notes: string[] = [];
  const context: StepContext = {
    operation: 'upgrade-1',
    signal: new AbortController().signal,
    progress: ({ done, total }) => progress.push(`${done}/${total}`),
    note: (text) => void notes.push(text),
  };
  return { tools, context, progress, notes, clock };
}

t.test('replicas that live on are watched for the whole time, and that is shown', async (t) => {
  const { tools, context, progress } = await openTools(t, [0]);
  t.equal(
    await watchService(tools, watched, context, { forMs: 4_000 }),
    '1 new replica: no request of a client',
  );
  t.strictSame(progress, ['1/4', '2/4', '3/4', '4/4']);
});

t.test('a watch of a day is told in a dozen lines, not in thousands', async (t) => {
  const { tools, context, notes } = await openTools(t, [0]);
  await watchService(tools, watched, context, { forMs: 24 * 3_600_000 });
  t.ok(notes.length > 5 && notes.length < 20, `${notes.length} lines`);
});

t.test('a replica that is started again ends the watch at once', async (t) => {
  const { tools, context, progress } = await openTools(t, [0, 0, 1]);
  await t.rejects(watchService(tools, watched, context, { forMs: 60_000 }), {
    code: 'gate.crash-loop',
    message: 'The new replica notes-worker-2 did not live on: it was started again once.',
  });
  t.equal(progress.length, 3);
});

t.test('a complaint breaks off the work that went on meanwhile', async (t) => {
  const { tools, context } = await openTools(t, [0, 1]);
  let isBroken = false;
  const work = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        isBroken = true;
        reject(signal.reason as Error);
      });
    });
  await t.rejects(watchDuring(tools, watched, context, work), { code: 'gate.crash-loop' });
  t.ok(isBroken);
});

t.test('work that ends is the end of the watch, and work that fails is told as it failed', async (t) => {
  const { tools, context } = await openTools(t, [0]);
  t.equal(await watchDuring(tools, watched, context, async () => 7), 7);
  const failing = async (): Promise<never> => {
    throw new Error('the edge is gone');
  };
  await t.rejects(watchDuring(tools, watched, context, failing), { message: 'the edge is gone' });
});

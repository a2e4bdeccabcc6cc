// How long a database that was put in place is waited for while people wait.

import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { moveTo } from '../../../src/deploy/upgrade/fallback/data-volumes.ts';
import { HOLD_LIMIT_MS, patienceMs } from '../../../src/deploy/upgrade/fallback/restore.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { renderStack, writeStack } from '../../../src/stack/index.ts';
import { openJournal } from '../journal/lab.ts';
import { inputFor, releaseText } from '../stack/lab.ts';

t.test('a database of then is not waited for longer than requests are held', async (t) => {
  const { journal, folder, clock } = await openJournal(t);
  const paths = pathsUnder(folder);
  await writeStack(
    paths.stack,
    renderStack(inputFor(parseRelease(releaseText, 'compose.yaml')), releaseText),
  );
  const waitedMs: number[] = [];
  const containers = {
    list: async () => [{ id: 'mysql', status: 'running', oneOff: false }],
    stop: async () => {},
    remove: async () => {},
    waitHealthy: async (_ids: unknown, { timeoutMs }: { timeoutMs: number }) => void waitedMs.push(timeoutMs),
  };
  const tools = {
    ...{ journal, paths, clock },
    engine: async () => ({ containers }),
    compose: async () => ({ up: async () => {} }),
  } as unknown as DeployTools;
  const context = {
    ...{ operation: 'rollback-1', signal: new AbortController().signal },
    ...{ progress: () => {}, note: () => {} },
  };
  const heldUntilMs = clock.monotonicMs() + HOLD_LIMIT_MS;
  const move = () =>
    moveTo(
      tools,
      'trial',
      { databases: [{ service: 'mysql', key: 'mysql-data' }], stores: [] },
      { 'mysql-data': 'trial_mysql-data.then' },
      context,
      patienceMs(tools, { heldUntilMs }),
    );
  clock.advance(30_000);
  await move();
  clock.advance(HOLD_LIMIT_MS);
  await move();
  t.strictSame(waitedMs, [HOLD_LIMIT_MS - 30_000, 20_000], 'after the limit only a moment');
  t.equal(patienceMs(tools, { heldUntilMs: Infinity }), 300_000, 'where nobody is held');
});

// What was usual before an upgrade, kept so that a daemon that comes back judges by the same.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { readBaseline, takeBaselineStep } from '../../../src/deploy/upgrade/gate/baseline.ts';
import { notReadyInARow, tallyOf } from '../../../src/deploy/upgrade/gate/own-client.ts';
import type { StepContext } from '../../../src/journal/index.ts';
import { Tally } from '../../../src/stack/index.ts';
import { openJournal } from '../journal/lab.ts';

async function openTools(t: { teardown(end: () => unknown): void }) {
  const { journal, folder, clock } = await openJournal(t);
  const paths = pathsUnder(folder);
  const operation = journal.create({ kind: 'upgrade', title: 'Upgrade', input: {}, steps: [] }).id;
  const notes: string[] = [];
  const context: StepContext = {
    operation,
    signal: new AbortController().signal,
    progress: () => {},
    note: (text) => notes.push(text),
  };
  // Without a stack neither log nor edge is there to be asked.
  const tools = { journal, paths, clock } as unknown as DeployTools;
  return { tools, context, notes, folder: join(paths.points, operation) };
}

t.test('what was kept is what is judged by, and it is not looked at again', async (t) => {
  const { tools, context, folder } = await openTools(t);
  const step = takeBaselineStep(tools);
  t.equal(await step.holds!({ project: 'notes' }, context), false);
  const people = new Tally();
  for (let n = 0; n < 200; n += 1) people.add({ isFailed: n === 0, ms: 20 });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'baseline.json'), JSON.stringify({ people, own: new Tally() }));
  t.equal(await step.holds!({ project: 'notes' }, context), true);
  const found = await readBaseline(tools, context.operation);
  t.match(found.people, { requests: 200, failed: 1 });
  t.equal(found.people.latencies.slowerThan(25), 0);
});

t.test('what cannot be seen is said, keeps nothing back, and is kept as nothing', async (t) => {
  const { tools, context, notes } = await openTools(t);
  const step = takeBaselineStep(tools);
  await step.apply({ project: 'notes' }, context);
  t.equal(notes.length, 2);
  t.match(notes[0], /cannot be seen/);
  t.equal(await step.holds!({ project: 'notes' }, context), true);
  t.equal((await readBaseline(tools, context.operation)).people.requests, 0);
});

t.test('an operation that kept nothing knows nothing of before', async (t) => {
  const { tools } = await openTools(t);
  t.equal((await readBaseline(tools, 'upgrade-1')).own.requests, 0);
});

t.test('only the newest answers of a replica say that it is not ready any more', async (t) => {
  const said = (key: string, complaint?: string) => ({ key, ms: 5, ...(complaint ? { complaint } : {}) });
  const bad = said('app-3', 'status 503');
  t.equal(notReadyInARow([], 'app-3'), 0);
  t.equal(notReadyInARow([bad, bad, said('app-3'), bad], 'app-3'), 1);
  t.equal(notReadyInARow([bad, said('app-4'), bad, bad], 'app-3'), 3);
  t.equal(notReadyInARow([bad, bad, said('app-3')], 'app-3'), 0);
  t.match(tallyOf([bad, said('app-4')]), { requests: 2, failed: 1 });
});

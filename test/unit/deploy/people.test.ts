// What an operation's story says of the people who asked meanwhile.

import t from 'tap';
import { createLogger } from '../../../src/base/log.ts';
import { pathsUnder } from '../../../src/base/paths.ts';
import { tellPeople, type DeployTools } from '../../../src/deploy/index.ts';
import { peopleInWords } from '../../../src/deploy/people.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { renderStack, writeStack } from '../../../src/stack/index.ts';
import { openJournal } from '../journal/lab.ts';
import { inputFor, releaseText } from '../stack/lab.ts';

const line = (more: object): string =>
  JSON.stringify({
    client: '10.0.0.9',
    status: 200,
    bytes: 5,
    seconds: 0.1,
    upstream: '10.1.0.2:3000',
    ...more,
  });

const said = [
  line({}),
  line({ status: 502, seconds: 2.5, upstream: '' }),
  line({ status: 500, upstream: '10.1.0.2:3000, 10.1.0.3:3000' }),
  line({ upstream: '10.1.0.2:3000, 10.1.0.3:3000' }), // nginx asked the next one; nobody saw the first fail
  line({ status: 499, seconds: 30 }),
  line({ status: 308, upstream: '' }),
  line({ client: '127.0.0.1', status: 500 }), // Onstead's own
  '2026/11/21 05:00:00 [warn] something of nginx',
];

async function storyOf(
  t: { teardown(end: () => unknown): void },
  { kind = 'upgrade', isOver = true, isStopping = false },
): Promise<(string | null)[]> {
  const { journal, folder, clock } = await openJournal(t);
  const paths = pathsUnder(folder);
  await writeStack(
    paths.stack,
    renderStack(inputFor(parseRelease(releaseText, 'compose.yaml')), releaseText),
  );
  const containers = {
    list: async () => [{ id: 'nginx', oneOff: false, created: new Date(0) }],
    async *logs() {
      for (const text of said) yield { line: text, at: clock.now() };
    },
  };
  const tools = {
    ...{ journal, paths, clock, log: createLogger('silent'), settings: () => ({}) },
    engine: async () => ({ containers }),
  } as unknown as DeployTools;
  const { id } = journal.create({ kind, title: 'Upgrade', input: {}, steps: [] });
  journal.move(id, 'running');
  if (isOver) journal.move(id, 'done');
  await tellPeople(tools, id, isStopping ? AbortSignal.abort() : new AbortController().signal);
  return journal.events(id).flatMap(({ type, text }) => (type === 'note' ? [text] : []));
}

t.test('the story says how many asked and how many of these were failed', async (t) => {
  t.strictSame(await storyOf(t, {}), [
    'At the edge: 5 requests meanwhile, 2 answered with a failure (5xx), 1 given up by whoever asked; the longest took 2.5 s.',
  ]);
});

t.test('of what is not over, and of what touches nobody, nothing is said', async (t) => {
  t.strictSame(await storyOf(t, { isOver: false }), []);
  t.strictSame(await storyOf(t, { kind: 'rehearse' }), []);
  t.strictSame(await storyOf(t, { isStopping: true }), [], 'nor what was counted by half');
});

t.test('where the log of the beginning is gone, that is said', async (t) => {
  const [begun, since] = [new Date('2026-11-21T05:00:00Z'), new Date('2026-11-21T05:00:40Z')];
  const none = { requests: 1_234, failed: 0, left: 0, longestMs: 900, since };
  t.equal(
    peopleInWords(none, begun),
    'At the edge since 05:00:40 UTC, where its log begins: 1,234 requests meanwhile, none failed; the longest took 0.9 s.',
  );
  t.match(
    peopleInWords({ ...none, requests: 0, since: begun }, begun),
    'At the edge: nobody asked meanwhile.',
  );
});

// Lines of several replicas as one stream.

import t from 'tap';
import { mergeAsTheyCome, mergeByTime } from '../../../src/api/log-merge.ts';
import type { LogMessage } from '../../../src/api/schemas.ts';

async function* saying(
  container: string,
  seconds: readonly (number | undefined)[],
): AsyncGenerator<LogMessage> {
  for (const [at, second] of seconds.entries()) {
    const time = second === undefined ? '' : new Date(second * 1000).toISOString();
    yield { service: 'app', container, stream: 'stdout', at: time, line: `${container}${at}` };
  }
}

async function linesOf(messages: AsyncIterable<LogMessage>): Promise<string> {
  const lines = [];
  for await (const { line } of messages) lines.push(line);
  return lines.join(' ');
}

t.test('what was said is told in the order of its time, whoever said it', async (t) => {
  const sources = () => [saying('a', [1, 4, 5]), saying('b', [2, 3, 9]), saying('c', [])];
  t.equal(await linesOf(mergeByTime(sources())), 'a0 b0 b1 a1 a2 b2');
  t.equal((await linesOf(mergeAsTheyCome(sources()))).split(' ').length, 6);
  t.equal(await linesOf(mergeByTime([])), '');
});

t.test('a line without a time stays in its place', async (t) => {
  t.equal(await linesOf(mergeByTime([saying('a', [1, undefined, 5]), saying('b', [2])])), 'a0 a1 b0 a2');
});

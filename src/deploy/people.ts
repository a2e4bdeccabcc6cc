// How people were answered while an upgrade or a rollback went on, as the edge saw it: one line for the story, whatever
// came of the operation.

import { messageOf } from '../base/errors.ts';
import { isOver } from '../journal/index.ts';
import { countAnswers, type Answers } from '../stack/index.ts';
import { edgeOf } from './edge-of.ts';
import type { DeployTools } from './tools.ts';

const KINDS = ['upgrade', 'rollback'];

/** Never fails: it is told of what has been. */
export async function tellPeople(tools: DeployTools, operation: string, signal: AbortSignal): Promise<void> {
  const { clock, journal, log } = tools;
  const { kind, state, startedAt } = journal.get(operation);
  if (!KINDS.includes(kind) || !isOver(state) || startedAt === null) return;
  const since = new Date(startedAt);
  try {
    const answers = await countAnswers(await edgeOf(tools), { since, until: clock.now() }, signal);
    signal.throwIfAborted(); // half of it would be told as if it were all
    if (answers !== undefined) journal.note(operation, null, peopleInWords(answers, since));
  } catch (error) {
    log.warn({ err: error, operation }, `how people were answered cannot be told: ${messageOf(error)}`);
  }
}

export function peopleInWords({ requests, failed, left, longestMs, since }: Answers, begun: Date): string {
  const from = since > begun ? ` since ${since.toISOString().slice(11, 19)} UTC, where its log begins` : '';
  if (requests === 0) return `At the edge${from}: nobody asked meanwhile.`;
  const failures = failed === 0 ? 'none failed' : `${told(failed)} answered with a failure (5xx)`;
  const gone = left === 0 ? '' : `, ${told(left)} given up by whoever asked`;
  const longest = (longestMs / 1000).toFixed(1);
  return `At the edge${from}: ${told(requests)} requests meanwhile, ${failures}${gone}; the longest took ${longest} s.`;
}

function told(count: number): string {
  return count.toLocaleString('en-US');
}

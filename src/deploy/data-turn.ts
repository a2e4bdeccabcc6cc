// Whose turn it is at the data. Steps that copy it, or put other data or another server in its place, wait for each other
// here, whichever operation they are of, and say so. A daemon that dies meanwhile leaves nothing locked.

import type { Executor, Journal, StepContext } from '../journal/index.ts';
import { lockData } from '../stack/index.ts';
import type { DeployTools } from './tools.ts';

type Turns = Pick<DeployTools, 'journal' | 'paths'>;

/** Whoever waits can be halted; nothing of `work` has been begun then. */
export function whileAtData<T>(
  { journal, paths }: Turns,
  { operation, signal, note }: Pick<StepContext, 'operation' | 'signal' | 'note'>,
  work: () => Promise<T>,
): Promise<T> {
  return lockData(paths, work, { signal, onWait: () => note(waitingWords(journal, operation)) });
}

/** The whole step, and its way back. */
export function atData<Input>(tools: Turns, step: Executor<Input>): Executor<Input> {
  const { apply, undo } = step;
  return {
    ...step,
    apply: (input, context) => whileAtData(tools, context, () => apply(input, context)),
    ...(undo === undefined
      ? {}
      : { undo: (input, context) => whileAtData(tools, context, () => undo(input, context)) }),
  };
}

function waitingWords(journal: Journal, operation: string): string {
  const other = journal.unfinished().find(({ id, state }) => id !== operation && state !== 'stuck');
  const who = other === undefined ? 'somebody else' : `"${other.title}" (${other.id})`;
  return `Waiting: ${who} is at the data; this goes on when that is done there.`;
}

// Whose turn it is at the data. Steps that copy it, or put other data or another server in its place, wait for each other
// here, whichever operation they are of, and say so. A daemon that dies meanwhile leaves nothing locked.

import { whoElse, type Executor, type StepContext } from '../journal/index.ts';
import { lockData } from '../stack/index.ts';
import type { DeployTools } from './tools.ts';

type Turns = Pick<DeployTools, 'journal' | 'paths'>;

/** Whoever waits can be halted; nothing of `work` has been begun then. */
export function whileAtData<T>(
  { journal, paths }: Turns,
  { operation, signal, note }: Pick<StepContext, 'operation' | 'signal' | 'note'>,
  work: () => Promise<T>,
): Promise<T> {
  const onWait = (): void =>
    note(`Waiting: ${whoElse(journal, operation)} is at the data; this goes on when that is done there.`);
  return lockData(paths, work, { signal, onWait });
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

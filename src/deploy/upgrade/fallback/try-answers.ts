// The release of then on the data of then, asked before anybody else is let on: what it does not do well now can be
// taken back without anybody having written to it.

import { OnsteadError } from '../../../base/errors.ts';
import type { StepContext } from '../../../journal/index.ts';
import { askApp } from '../../ask-app.ts';
import type { DeployTools } from '../../tools.ts';

/** People wait. */
const GIVE_UP_MS = 20_000;
const BETWEEN_MS = 500;

export async function tryAnswers(
  tools: DeployTools,
  project: string,
  { signal, note }: StepContext,
): Promise<void> {
  const giveUpAtMs = tools.clock.monotonicMs() + GIVE_UP_MS;
  for (;;) {
    const { asked, complaint } = await askApp(tools, project, signal);
    if (complaint === undefined) return note(`Answered well before anybody was let on: ${asked.join(', ')}.`);
    if (tools.clock.monotonicMs() > giveUpAtMs) {
      throw new OnsteadError('operation.smoke-failed', `On the data of then ${complaint}.`, {
        next: 'Send the output of `onstead operations show` to the vendor. The data of before is in place again.',
      });
    }
    await tools.clock.sleep(BETWEEN_MS, signal);
  }
}

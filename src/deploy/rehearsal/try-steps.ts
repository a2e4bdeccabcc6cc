// The new release is tried on the copy, and what was seen is said.

import { OnsteadError } from '../../base/errors.ts';
import { formatBytes } from '../../base/units.ts';
import type { Executor, StepView } from '../../journal/index.ts';
import { askApp } from '../ask-app.ts';
import type { DeployTools } from '../tools.ts';
import { readPeak } from './measure.ts';
import { scratchTools } from './scratch-tools.ts';
import type { RehearsalSteps } from './step-types.ts';

const GIVE_UP_MS = 60_000;
const BETWEEN_MS = 1_000;

/** Straight at the app: the scratch stack has no edge. */
export function tryAnswersStep(tools: DeployTools): Executor<RehearsalSteps['try-answers']> {
  return {
    verifies: true,
    async apply({ project }, context) {
      const scratch = scratchTools(tools, 'rehearsal');
      const giveUpAtMs = tools.clock.monotonicMs() + GIVE_UP_MS;
      for (;;) {
        const { asked, complaint } = await askApp(scratch, project, context.signal);
        if (complaint === undefined) return asked.join(', ');
        if (tools.clock.monotonicMs() > giveUpAtMs) {
          throw new OnsteadError('operation.smoke-failed', `In the rehearsal ${complaint}.`, {
            next: 'Send the output of `onstead operations show` to the vendor. The running release was not touched.',
          });
        }
        await tools.clock.sleep(BETWEEN_MS, context.signal);
      }
    },
  };
}

export function reportStep(tools: DeployTools): Executor<RehearsalSteps['report-rehearsal']> {
  return {
    async apply(_input, { operation }) {
      return summaryOf(tools.journal.steps(operation), await readPeak(tools));
    },
  };
}

/** For the plan of the real upgrade, and for whoever reads the history. Pure. */
export function summaryOf(
  steps: readonly Pick<StepView, 'type' | 'startedAt' | 'finishedAt'>[],
  { memoryBytes, diskBytes }: { readonly memoryBytes: number; readonly diskBytes: number },
): string {
  const took = (type: string): number => {
    const last = steps.findLast((step) => step.type === type && step.finishedAt !== null);
    if (last?.startedAt == null || last.finishedAt === null) return 0;
    return (Date.parse(last.finishedAt) - Date.parse(last.startedAt)) / 1000;
  };
  const seconds = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  const migrated = steps.some(({ type }) => type === 'try-migration')
    ? `migrated in ${seconds(took('try-migration'))}, `
    : '';
  const copied = `data copied in ${seconds(took('fill-scratch'))}`;
  const used = `${formatBytes(memoryBytes)} of memory and ${formatBytes(diskBytes)} of disk at most`;
  return `${copied}, ${migrated}healthy ${seconds(took('start-scratch'))} after its start; ${used}`;
}

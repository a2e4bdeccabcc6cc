// One executor for each step of a rehearsal; a step type without one does not compile.

import type { Executor, ExecutorTable } from '../../journal/index.ts';
import { installExecutors } from '../install-steps.ts';
import { migrateStep } from '../steps/migrate-step.ts';
import { startServicesStep } from '../steps/stack-steps.ts';
import type { DeployTools } from '../tools.ts';
import { measured } from './measure.ts';
import { fillBucketsStep, fillScratchStep, removeScratchStep, setUpScratchStep } from './scratch-steps.ts';
import { scratchTools } from './scratch-tools.ts';
import type { RehearsalSteps } from './step-types.ts';
import { reportStep, tryAnswersStep } from './try-steps.ts';

export function rehearsalExecutors(tools: DeployTools): ExecutorTable<RehearsalSteps> {
  const scratch = scratchTools(tools, 'rehearsal');
  const { preflight, 'verify-bundle': verify, 'load-images': load } = installExecutors(tools);
  const start = onceOnly(startServicesStep(scratch));
  return {
    preflight,
    'verify-bundle': verify,
    'load-images': load,
    'set-up-scratch': setUpScratchStep(tools),
    'fill-scratch': measured(tools, fillScratchStep(tools)),
    'start-scratch': measured(tools, {
      apply: (input, context) => start.apply({ ...input, absent: [] }, context),
    }),
    'fill-scratch-buckets': measured(tools, fillBucketsStep(tools)),
    'try-migration': measured(tools, onceOnly(migrateStep(scratch))),
    'try-answers': tryAnswersStep(tools),
    'report-rehearsal': reportStep(tools),
    'remove-scratch': removeScratchStep(tools),
  };
}

/** Nothing of the scratch stack is taken back step by step: it is removed whole. */
function onceOnly<Input>({ apply }: Executor<Input>): Executor<Input> {
  return { apply };
}

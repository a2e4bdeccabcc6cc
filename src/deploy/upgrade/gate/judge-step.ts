// A gate: the new replicas are watched for a while as their clients see them. Whoever is bad turns the upgrade round
// as soon as it is clear. Begun again it watches again.

import type { Executor } from '../../../journal/index.ts';
import type { DeployTools } from '../../tools.ts';
import type { UpgradeSteps } from '../step-types.ts';
import { watchService } from './watch.ts';

export function judgeStep(tools: DeployTools): Executor<UpgradeSteps['judge']> {
  return {
    verifies: true,
    apply: ({ soakMs, ...watched }, context) => watchService(tools, watched, context, { forMs: soakMs }),
  };
}

// One executor for each step of an upgrade; a step type without one does not compile.

import type { ExecutorTable } from '../../journal/index.ts';
import { installExecutors } from '../install-steps.ts';
import type { DeployTools } from '../tools.ts';
import { takeBaselineStep } from './baseline.ts';
import { commitUpgradeStep, tidyStep } from './commit-steps.ts';
import { replaceEdgeStep } from './edge-step.ts';
import { exchangeStep, settleStep } from './exchange.ts';
import { judgeStep } from './judge-step.ts';
import type { UpgradeSteps } from './plan.ts';
import { removeServiceStep, replaceServiceStep } from './service-steps.ts';
import { keepPointStep, stageStackStep, switchStackStep } from './switch-steps.ts';

export function upgradeExecutors(tools: DeployTools): ExecutorTable<UpgradeSteps> {
  return {
    ...installExecutors(tools),
    'stage-stack': stageStackStep(tools),
    'keep-point': keepPointStep(tools),
    'take-baseline': takeBaselineStep(tools),
    'switch-stack': switchStackStep(tools),
    'replace-service': replaceServiceStep(tools),
    'replace-edge': replaceEdgeStep(tools),
    'remove-service': removeServiceStep(tools),
    exchange: exchangeStep(tools),
    judge: judgeStep(tools),
    'settle-edge': settleStep(tools),
    'commit-upgrade': commitUpgradeStep(tools),
    tidy: tidyStep(tools),
  };
}

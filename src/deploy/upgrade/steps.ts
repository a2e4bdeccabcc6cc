// One executor for each step of an upgrade; a step type without one does not compile.

import type { ExecutorTable } from '../../journal/index.ts';
import { atData } from '../data-turn.ts';
import { installExecutors } from '../install-steps.ts';
import { migrateDownStep } from '../steps/migrate-step.ts';
import type { DeployTools } from '../tools.ts';
import { takeBaselineStep } from './gate/baseline.ts';
import { commitUpgradeStep, tidyStep } from './commit-steps.ts';
import { replaceEdgeStep } from './edge-step.ts';
import { exchangeStep } from './exchange.ts';
import { guardedMigrateStep } from './fallback/guarded-migration.ts';
import { judgeStep } from './gate/judge-step.ts';
import { keepWarmStep } from './keep-warm-step.ts';
import { listStep, settleStep } from './listed.ts';
import type { UpgradeSteps } from './step-types.ts';
import { replaceDataStep } from './data/replace-data.ts';
import { restoreDataStep } from './fallback/restore-steps.ts';
import { removeServiceStep, replaceServiceStep } from './service-steps.ts';
import { keepPointStep, stagePointStep, stageStackStep, switchStackStep } from './switch-steps.ts';

export function upgradeExecutors(tools: DeployTools): ExecutorTable<UpgradeSteps> {
  return {
    ...installExecutors(tools),
    migrate: atData(tools, guardedMigrateStep(tools)),
    'stage-stack': stageStackStep(tools),
    'stage-point': stagePointStep(tools),
    'keep-point': atData(tools, keepPointStep(tools)),
    'take-baseline': takeBaselineStep(tools),
    'migrate-down': atData(tools, migrateDownStep(tools)),
    'switch-stack': switchStackStep(tools),
    'replace-data': atData(tools, replaceDataStep(tools)),
    'replace-service': replaceServiceStep(tools),
    'replace-edge': replaceEdgeStep(tools),
    'remove-service': removeServiceStep(tools),
    exchange: exchangeStep(tools),
    judge: judgeStep(tools),
    'keep-warm': keepWarmStep(tools),
    'list-edge': listStep(tools),
    'settle-edge': settleStep(tools),
    'commit-upgrade': commitUpgradeStep(tools),
    'restore-data': atData(tools, restoreDataStep(tools)),
    tidy: atData(tools, tidyStep(tools)),
  };
}

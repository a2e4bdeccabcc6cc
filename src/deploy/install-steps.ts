// One executor for each step of an installation; a step type without one does not compile.

import type { ExecutorTable } from '../journal/index.ts';
import { atData } from './data-turn.ts';
import type { InstallSteps } from './install-plan.ts';
import { makeBucketsStep, makeUsersStep } from './steps/data-steps.ts';
import { loadImagesStep } from './steps/image-step.ts';
import { migrateStep } from './steps/migrate-step.ts';
import { preflightStep } from './steps/preflight-step.ts';
import { commitStep, keepReleaseStep, rememberSizeStep, verifyBundleStep } from './steps/release-steps.ts';
import { makeSecretsStep, openSecretsStep } from './steps/secret-steps.ts';
import { smokeTestStep } from './steps/smoke-step.ts';
import { makeVolumesStep, startServicesStep, writeStackStep } from './steps/stack-steps.ts';
import type { DeployTools } from './tools.ts';

export function installExecutors(tools: DeployTools): ExecutorTable<InstallSteps> {
  return {
    preflight: preflightStep(tools),
    'verify-bundle': verifyBundleStep(tools),
    'keep-release': keepReleaseStep(tools),
    'remember-size': rememberSizeStep(tools),
    'make-secrets': makeSecretsStep(tools),
    'load-images': loadImagesStep(tools),
    'make-volumes': makeVolumesStep(tools),
    'write-stack': atData(tools, writeStackStep(tools)), // a repair may end a data service
    'open-secrets': openSecretsStep(tools),
    'start-services': startServicesStep(tools),
    'make-users': makeUsersStep(tools),
    'make-buckets': makeBucketsStep(tools),
    migrate: migrateStep(tools),
    'smoke-test': smokeTestStep(tools),
    commit: commitStep(tools),
  };
}

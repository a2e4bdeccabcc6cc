// What each kind of step costs the people who wait: how long it takes where nothing was measured yet, and what happens
// meanwhile to the requests that need its service. A kind of step that is missing here does not compile.

import type { UpgradeSteps } from '../step-types.ts';

/** `answered`: nobody notices. `wait`: they are held at the edge. `fail`: they may meet an absence. */
export type Requests = 'answered' | 'wait' | 'fail';

export interface StepCost {
  /** Where this machine has never done it. Measured on two busy cores, and rounded up. */
  readonly assumedMs: number;
  readonly requests: Requests;
  /** What happens to the containers of the services it names. Replicas that are exchanged have words of their own. */
  readonly restarts?: string;
}

const quiet = (assumedMs: number): StepCost => ({ assumedMs, requests: 'answered' });

export const stepCosts: { readonly [Type in keyof UpgradeSteps]: StepCost } = {
  preflight: quiet(3_000),
  'verify-bundle': quiet(2_000),
  'keep-release': quiet(500),
  'make-secrets': quiet(500),
  'load-images': quiet(5_000),
  'make-volumes': quiet(500),
  'stage-stack': quiet(1_000),
  'stage-point': quiet(1_000),
  'keep-point': quiet(10_000),
  'take-baseline': quiet(5_000),
  'switch-stack': quiet(500),
  'open-secrets': quiet(500),
  'start-services': { ...quiet(20_000), restarts: 'started, it was not there before' },
  'make-users': quiet(5_000),
  'make-buckets': quiet(3_000),
  migrate: quiet(5_000),
  'migrate-down': quiet(5_000),
  'replace-data': { assumedMs: 25_000, requests: 'wait', restarts: 'replaced and proven' },
  'replace-service': { assumedMs: 20_000, requests: 'fail', restarts: 'replaced as a whole' },
  'replace-edge': { ...quiet(10_000), restarts: 'replaced beside itself' },
  'remove-service': { ...quiet(12_000), restarts: 'removed, the release does not have it' },
  exchange: quiet(20_000),
  judge: quiet(30_000),
  'keep-warm': quiet(300_000),
  'list-edge': quiet(1_000),
  'settle-edge': quiet(5_000),
  'restore-data': { assumedMs: 60_000, requests: 'wait' },
  'smoke-test': quiet(2_000),
  'commit-upgrade': quiet(200),
  tidy: quiet(2_000),
};

// Every step of an upgrade or a rollback, by its type, with what it is told. Whoever plans writes these; whoever executes
// reads them.

import type { InstalledRelease } from '../facts.ts';
import type { InstallSteps, StackSpec } from '../install-plan.ts';
import type { SizingPlan } from '../../sizing/index.ts';
import type { ReplaceData } from './data/job.ts';
import type { ReplaceEdge } from './edge-step.ts';
import type { Exchange } from './exchange.ts';
import type { KeepWarm } from './keep-warm-step.ts';
import type { Listed } from './listed.ts';
import type { RestoreData } from './fallback/restore.ts';

export interface UpgradeSteps extends Pick<
  InstallSteps,
  | 'preflight'
  | 'verify-bundle'
  | 'keep-release'
  | 'make-secrets'
  | 'load-images'
  | 'make-volumes'
  | 'open-secrets'
  | 'start-services'
  | 'make-users'
  | 'make-buckets'
  | 'migrate'
  | 'smoke-test'
> {
  'stage-stack': StackSpec & { plan: SizingPlan };
  'stage-point': { point: string };
  /**
   * `over`: the point that a rollback leads to. `isLeft`: it leaves the data where it is, so that nothing has to be
   * copied. Optional: without data where that cannot be had, as was agreed to.
   */
  'keep-point': { from: InstalledRelease; over?: string; isLeft?: true; isOptional?: true };
  'take-baseline': { project: string };
  'switch-stack': { plan: SizingPlan };
  /** Until the status is what it was when `point` was kept. */
  'migrate-down': InstallSteps['migrate'] & { point: string };
  'replace-data': ReplaceData;
  'replace-service': { project: string; service: string };
  'replace-edge': ReplaceEdge;
  'remove-service': { project: string; service: string };
  exchange: Exchange;
  judge: { project: string; service: string; soakMs: number };
  'keep-warm': KeepWarm;
  'list-edge': Listed;
  'settle-edge': Listed;
  'commit-upgrade': {
    installed: Omit<InstalledRelease, 'installedAt'>;
    from: InstalledRelease;
    /** To a release of before. */
    isBack?: true;
  };
  /** A way back takes it: the data of a point in place of the data of now. */
  'restore-data': RestoreData;
  tidy: { project: string };
}

export type Step = {
  [Type in keyof UpgradeSteps]: { type: Type; title: string; input: UpgradeSteps[Type]; looks?: true };
}[keyof UpgradeSteps];

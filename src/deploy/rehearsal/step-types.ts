// Every step of a rehearsal, by its type, with what it is told.

import type { SizingPlan } from '../../sizing/index.ts';
import type { BundleReference, InstallSteps, StackSpec } from '../install-plan.ts';

export interface RehearsalSteps extends Pick<InstallSteps, 'preflight' | 'verify-bundle' | 'load-images'> {
  'set-up-scratch': { live: string; bundle: BundleReference; stack: StackSpec; plan: SizingPlan };
  /** The live project's database, as it is now, into the scratch stack's volume. */
  'fill-scratch': { live: string; service: string; volume: { key: string; name: string; owner: string } };
  'start-scratch': Pick<InstallSteps['start-services'], 'project' | 'services'>;
  'fill-scratch-buckets': InstallSteps['make-buckets'] & { live: string };
  'try-migration': InstallSteps['migrate'];
  'try-answers': { project: string };
  'report-rehearsal': { project: string };
  'remove-scratch': { images: readonly string[] };
}

export type Step = {
  [Type in keyof RehearsalSteps]: { type: Type; title: string; input: RehearsalSteps[Type]; looks?: true };
}[keyof RehearsalSteps];

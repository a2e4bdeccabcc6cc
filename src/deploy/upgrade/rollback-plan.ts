// What a rollback does, as data: the same replacement, towards the release that a point keeps. The data is either kept
// as it is now, with the newer migrations taken back, or becomes what it was at the point. Pure.

import type { PlannedStep } from '../../journal/index.ts';
import type { InstalledRelease } from '../facts.ts';
import { installTitles, type MachineNeeds } from '../install-plan.ts';
import {
  appSteps,
  edgeSteps,
  listSteps,
  otherSteps,
  settleSteps,
  type Replacement,
  type RunningFacts,
} from './replace-plan.ts';
import { dataSteps as replaceDataSteps, isDataService } from './data/plan.ts';
import type { Step } from './step-types.ts';
import { wayBackOf } from './way-back.ts';

export interface RollbackTarget extends Replacement {
  /** The point that the way leads back to. */
  readonly point: string;
  readonly from: InstalledRelease;
  readonly to: InstalledRelease;
  /** `keep`: as it is now, with the newer migrations taken back. `restore`: as it was at the point. */
  readonly data: 'keep' | 'restore';
  readonly needs: MachineNeeds;
}

export interface RollbackFacts extends RunningFacts {
  /** Data services that are not well now. */
  readonly ill: readonly string[];
}

export function planRollback(target: RollbackTarget, facts: RollbackFacts): PlannedStep[] {
  const { project, point, from, to, sizing } = target;
  const { installedAt: _, ...installed } = to;
  const isOptional = withoutCopy(target, facts).length > 0 ? { isOptional: true as const } : {};
  const steps: Step[] = [
    { type: 'preflight', title: installTitles.preflight, input: target.needs, looks: true },
    { type: 'stage-point', title: `Write and check the stack of ${to.version}`, input: { point } },
    {
      type: 'keep-point',
      title: `Keep the way back to ${from.version}`,
      input: { from, over: point, ...(target.data === 'restore' ? { isLeft: true as const } : isOptional) },
    },
    { type: 'take-baseline', title: 'Look how clients are answered now', input: { project } },
    ...(target.data === 'keep' ? listSteps(target, facts) : []),
    { type: 'switch-stack', title: `Put the stack of ${to.version} in place`, input: { plan: sizing } },
    { type: 'open-secrets', title: installTitles['open-secrets'], input: { isNew: false } },
    ...dataSteps(target, facts),
    ...(target.data === 'keep' ? keepSteps(target, facts) : restoreSteps(target)),
    ...otherSteps(target, facts),
    ...settleSteps(target, facts),
    {
      type: 'smoke-test',
      title: installTitles['smoke-test'],
      input: { project, version: to.version },
      looks: true,
    },
    {
      type: 'commit-upgrade',
      title: `Record ${to.title} ${to.version}`,
      input: { installed, from, isBack: true },
    },
    { type: 'tidy', title: 'Clear away what no way back needs', input: { project } },
  ];
  return steps;
}

/** Services of which a point keeps data, and may not be able to now. */
export function withoutCopy(
  { services, data }: Pick<RollbackTarget, 'services' | 'data'>,
  { ill, oldServices }: Pick<RollbackFacts, 'ill' | 'oldServices'>,
): string[] {
  const roleOf = (name: string) => [...oldServices, ...services].find((one) => one.name === name)?.role;
  // Where other data is put in place, a database's volume of now stays as it is.
  const kept = data === 'restore' ? ['redis', 'mysql'] : ['redis'];
  return ill.filter((name) => !kept.includes(roleOf(name) ?? ''));
}

/** The release that is left is not one to come back to. */
export function withoutWarmth(target: RollbackTarget): RollbackTarget {
  return { ...target, patience: { ...target.patience, keepWarmMs: 0 } };
}

function keepSteps(target: RollbackTarget, facts: RunningFacts): Step[] {
  return [
    ...edgeSteps(target, facts),
    ...appSteps(withoutWarmth(target), facts),
    // After the old release answers: it can live with the newer schema, and the newer one cannot live without.
    ...downSteps(target, facts),
  ];
}

/** All at once, while requests wait: neither release may write to the other's data. */
function restoreSteps({ project, point, services }: RollbackTarget): Step[] {
  const writers = services.filter(({ role }) => role === 'app' || role === 'worker').map(({ name }) => name);
  const title = 'Put the data of then in place, while requests wait';
  return [{ type: 'restore-data', title, input: { project, point, writers } }];
}

/** A database whose data is to be that of the point is started on that, and nowhere else before. */
function dataSteps(target: RollbackTarget, facts: RollbackFacts): Step[] {
  return target.services
    .filter(isDataService)
    .filter(({ role }) => target.data === 'keep' || role !== 'mysql')
    .flatMap((service) =>
      facts.ill.includes(service.name)
        ? mendSteps(target, facts, service.name)
        : replaceDataSteps(target, facts, service),
    );
}

/** What does not answer can be compared with nothing: it becomes what it was before, as it is. */
function mendSteps({ project }: RollbackTarget, { changed }: RunningFacts, name: string): Step[] {
  if (changed.includes(name)) {
    const title = `Replace ${name}, which is not well`;
    return [{ type: 'replace-service', title, input: { project, service: name } }];
  }
  const input = { project, services: [name], absent: [] };
  return [{ type: 'start-services', title: `Start ${name}, which is not well`, input }];
}

/** Of the release that runs now: it alone knows how its migrations are taken back. */
function downSteps({ project, point }: RollbackTarget, { changed, oldServices }: RunningFacts): Step[] {
  return oldServices.flatMap((service): Step[] => {
    if (service.role !== 'app' || service.migrate === undefined || !changed.includes(service.name)) return [];
    const { up, timeoutMs } = service.migrate;
    const back = wayBackOf(service.migrate);
    if (back === undefined) return []; // refused before it is planned
    return [
      {
        type: 'migrate-down',
        title: `Take back the migrations of ${service.name}`,
        input: { project, service: service.name, up, timeoutMs, back, point },
      },
    ];
  });
}

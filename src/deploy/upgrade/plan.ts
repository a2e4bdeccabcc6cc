// What an upgrade does, as data: look, stage, keep what the way back needs, migrate, replace one service after the
// other, prove it, record it. Pure.

import type { PlannedStep } from '../../journal/index.ts';
import type { AppService, ReleaseService, Strategy, WorkerService } from '../../release/index.ts';
import type { SizingPlan } from '../../sizing/index.ts';
import { holderName, type Settings } from '../../stack/index.ts';
import type { InstalledRelease } from '../facts.ts';
import type { InstallFacts, InstallSteps, InstallTarget, StackSpec } from '../install-plan.ts';
import { absent, installTitles, stackSpecOf } from '../install-plan.ts';
import type { ReplaceEdge } from './edge-step.ts';
import type { Exchange } from './exchange.ts';
import { stagesOf, type Sides } from './strategy.ts';

export interface UpgradeTarget extends InstallTarget {
  readonly from: InstalledRelease;
  /** Chosen by a person in place of what the release says. */
  readonly strategy?: Strategy;
  readonly patience: Settings['upgrade'];
}

export interface UpgradeFacts extends InstallFacts {
  /** Services whose containers would be others in the new release; asked of Compose. */
  readonly changed: readonly string[];
  readonly replicas: Readonly<Record<string, number>>;
  /** The services of the installed release. */
  readonly oldServices: readonly ReleaseService[];
}

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
  'keep-point': { from: InstalledRelease };
  'take-baseline': { project: string };
  'switch-stack': { plan: SizingPlan };
  'replace-service': { project: string; service: string };
  'replace-edge': ReplaceEdge;
  'remove-service': { project: string; service: string };
  exchange: Exchange;
  judge: { project: string; service: string; soakMs: number };
  'settle-edge': Pick<Exchange, 'project' | 'service' | 'ready'>;
  'commit-upgrade': { installed: Omit<InstalledRelease, 'installedAt'>; from: InstalledRelease };
  tidy: { project: string };
}

type Step = {
  [Type in keyof UpgradeSteps]: { type: Type; title: string; input: UpgradeSteps[Type]; looks?: true };
}[keyof UpgradeSteps];

export function planUpgrade(target: UpgradeTarget, facts: UpgradeFacts): PlannedStep[] {
  const { bundle, images, project, version, from } = target;
  const stack = stackSpecOf(target);
  const steps: Step[] = [
    { type: 'preflight', title: installTitles.preflight, input: target.needs, looks: true },
    { type: 'verify-bundle', title: installTitles['verify-bundle'], input: bundle, looks: true },
    { type: 'keep-release', title: installTitles['keep-release'], input: { bundle, version, isNew: true } },
    {
      type: 'load-images',
      title: installTitles['load-images'],
      input: { bundle, images, missing: absent(tagsOf(target), facts.images) },
    },
    ...volumeSteps(target, facts),
    ...secretSteps(target, facts),
    {
      type: 'stage-stack',
      title: 'Write and check the next stack beside the running one',
      input: { ...stack, plan: target.sizing },
    },
    { type: 'keep-point', title: `Keep the way back to ${from.version}`, input: { from } },
    { type: 'take-baseline', title: 'Look how clients are answered now', input: { project } },
    { type: 'switch-stack', title: 'Put the next stack in place', input: { plan: target.sizing } },
    { type: 'open-secrets', title: 'Open the secrets for their services', input: { isNew: false } },
    ...dataSteps(target, facts),
    ...migrateSteps(target, facts),
    ...edgeSteps(target, facts),
    ...appSteps(target, facts),
    ...otherSteps(target, facts),
    {
      type: 'smoke-test',
      title: installTitles['smoke-test'],
      input: { project, version },
      looks: true,
    },
    {
      type: 'commit-upgrade',
      title: `Record ${target.title} ${version}`,
      input: { installed: installedOf(target), from },
    },
    { type: 'tidy', title: 'Clear away what no way back needs', input: { project } },
  ];
  return steps;
}

function tagsOf({ images }: InstallTarget): string[] {
  return images.map(({ tag }) => tag);
}

function installedOf(target: UpgradeTarget): Omit<InstalledRelease, 'installedAt'> {
  const { product, title, version, project, keyId, bundle } = target;
  return { product, title, version, project, keyId, bundle: bundle.id };
}

function volumeSteps({ project, volumes }: UpgradeTarget, facts: UpgradeFacts): Step[] {
  const missing = absent(
    volumes.map(({ name }) => name),
    facts.volumes,
  );
  if (missing.length === 0) return [];
  return [
    { type: 'make-volumes', title: installTitles['make-volumes'], input: { project, volumes, missing } },
  ];
}

function secretSteps({ secrets, hosts }: UpgradeTarget, facts: UpgradeFacts): Step[] {
  const missing = absent(secrets, facts.secrets);
  if (missing.length === 0) return [];
  return [
    { type: 'make-secrets', title: installTitles['make-secrets'], input: { names: secrets, hosts, missing } },
  ];
}

function dataSteps(target: UpgradeTarget, facts: UpgradeFacts): Step[] {
  const { project } = target;
  return target.services.flatMap((service): Step[] => {
    const { name, role } = service;
    if (role !== 'mysql' && role !== 'redis' && role !== 'minio') return [];
    const isThere = facts.services.includes(name);
    const start: Step[] = isThere
      ? replaceStep(target, facts, name)
      : [
          {
            type: 'start-services',
            title: `Start ${name}`,
            input: { project, services: [name], absent: [name] },
          },
        ];
    if (role === 'mysql' && !isThere) {
      const { database, user } = service;
      const input = { project, service: name, database, user };
      return [...start, { type: 'make-users', title: installTitles['make-users'], input }];
    }
    if (role === 'minio') {
      const input = { project, service: name, buckets: service.buckets };
      return [...start, { type: 'make-buckets', title: installTitles['make-buckets'], input }];
    }
    return start;
  });
}

function replaceStep({ project }: UpgradeTarget, { changed }: UpgradeFacts, service: string): Step[] {
  if (!changed.includes(service)) return [];
  return [{ type: 'replace-service', title: `Replace ${service}`, input: { project, service } }];
}

function migrateSteps(target: UpgradeTarget, facts: UpgradeFacts): Step[] {
  return target.services.flatMap((service): Step[] => {
    if (service.role !== 'app' || service.migrate === undefined) return [];
    if (!facts.changed.includes(service.name)) return [];
    const { up, down, status, reversible, timeoutMs } = service.migrate;
    const isReversible = reversible && down !== undefined && status !== undefined;
    return [
      {
        type: 'migrate',
        title: `Migrate the database for ${service.name}${isReversible ? '' : ' (cannot be taken back by itself)'}`,
        input: {
          project: target.project,
          service: service.name,
          up,
          timeoutMs,
          ...(isReversible ? { back: { down, status } } : {}),
        },
      },
    ];
  });
}

/** Before the app, so that each of its states is steered by the nginx that will steer the next. */
function edgeSteps(target: UpgradeTarget, facts: UpgradeFacts): Step[] {
  const { project } = target;
  const edge = target.services.find(({ role }) => role === 'nginx');
  const app = target.services.find((service): service is AppService => service.role === 'app');
  if (edge === undefined || app === undefined) return [];
  if (!facts.changed.includes(edge.name) || !facts.services.includes(edge.name)) return [];
  const ready = readyOf(target, facts, app)!; // the first app is the one behind the edge
  const replaced: Step = {
    type: 'replace-edge',
    title: `Replace ${edge.name} beside itself`,
    input: { project, service: edge.name, app: { service: app.name, port: ready.stalePort } },
  };
  if (facts.changed.includes(app.name)) return [replaced];
  return [
    replaced,
    { type: 'settle-edge', title: 'Settle the edge', input: { project, service: app.name, ready } },
  ];
}

function appSteps(target: UpgradeTarget, facts: UpgradeFacts): Step[] {
  return target.services.flatMap((service) => {
    if (service.role !== 'app' && service.role !== 'worker') return [];
    return facts.changed.includes(service.name) ? exchangeSteps(target, facts, service) : [];
  });
}

function exchangeSteps(
  target: UpgradeTarget,
  facts: UpgradeFacts,
  service: AppService | WorkerService,
): Step[] {
  const { project } = target;
  const { name, drainMs } = service;
  const { readyWithinMs } = target.patience;
  const ready = readyOf(target, facts, service);
  const fresh = target.sizing.services.find((one) => one.name === name)?.replicas ?? 1;
  const stale = facts.replicas[name] ?? 0;
  // Only what is asked through the edge has traffic to divide; everything else goes one by one.
  const strategy = ready === null ? 'rolling' : (target.strategy ?? strategyOf(service));
  let before: Sides = { fresh: 0, stale, freshShare: null };
  const steps = stagesOf(strategy, { stale, fresh }).flatMap(({ to, isJudged }): Step[] => {
    const exchange: Step = {
      type: 'exchange',
      title: titleOf(name, before, to),
      input: { project, service: name, before, after: to, drainMs, readyWithinMs, ready },
    };
    before = to;
    if (!isJudged) return [exchange];
    return [
      exchange,
      {
        type: 'judge',
        title: `Watch how ${name} does`,
        input: { project, service: name, soakMs: target.patience.soakMs },
        looks: true,
      },
    ];
  });
  if (ready === null) return steps;
  return [
    ...steps,
    { type: 'settle-edge', title: 'Settle the edge', input: { project, service: name, ready } },
  ];
}

function strategyOf(service: AppService | WorkerService): Strategy {
  return service.role === 'app' ? service.strategy : 'rolling';
}

/** The first app stands behind the edge; its port may be another one in the old release. */
function readyOf(
  target: UpgradeTarget,
  facts: UpgradeFacts,
  service: AppService | WorkerService,
): Exchange['ready'] {
  const isBehindEdge = target.services.find(({ role }) => role === 'app')?.name === service.name;
  if (service.role !== 'app' || !isBehindEdge) return null;
  const old = facts.oldServices.find(({ name }) => name === service.name);
  const stalePort = old?.role === 'app' ? old.port : service.port;
  return { path: service.ready, port: service.port, stalePort };
}

function titleOf(name: string, before: Sides, { fresh, stale, freshShare }: Sides): string {
  if (freshShare === null) {
    if (stale === 0 && before.fresh === fresh) return `Let the old replicas of ${name} go`;
    return `Replace replicas of ${name}: ${fresh} new, ${stale} old`;
  }
  if (freshShare === 0) return `Start ${fresh} new replicas of ${name} beside the old`;
  return `Send ${freshShare} % of the requests to the new ${name}`;
}

/** What has no replicas to divide: carried services, an edge that is new, and what the new release does not have. */
function otherSteps(target: UpgradeTarget, facts: UpgradeFacts): Step[] {
  const { project } = target;
  const others = target.services.filter(({ role }) => role === 'carried' || role === 'nginx');
  const gone = facts.oldServices.filter(
    ({ name }) => name !== holderName && !target.services.some((one) => one.name === name),
  );
  return [
    ...others.flatMap(({ name, role }): Step[] => {
      const isThere = facts.services.includes(name);
      if (isThere) return role === 'nginx' ? [] : replaceStep(target, facts, name); // nginx: before the app
      const input = { project, services: [name], absent: [name] };
      return [{ type: 'start-services', title: `Start ${name}`, input }];
    }),
    ...gone.map(({ name }): Step => ({
      type: 'remove-service',
      title: `Remove ${name}, which this release does not have`,
      input: { project, service: name },
    })),
  ];
}

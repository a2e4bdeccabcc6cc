// The part of a plan in which one service after the other becomes what the next stack says; the same on the way to a
// newer release and on the way back. Pure.

import { formatDuration } from '../../base/units.ts';
import type { AppService, ReleaseService, Strategy, WorkerService } from '../../release/index.ts';
import type { SizingPlan } from '../../sizing/index.ts';
import { holderName, type Settings } from '../../stack/index.ts';
import type { Listed } from './listed.ts';
import type { Step } from './step-types.ts';
import { wayOf, type Way } from './room.ts';
import type { Replicas, Sides } from './strategy.ts';

/** The release that is to run. */
export interface Replacement {
  readonly project: string;
  readonly services: readonly ReleaseService[];
  readonly sizing: SizingPlan;
  readonly patience: Settings['upgrade'];
  /** Chosen by a person in place of what the release says. */
  readonly strategy?: Strategy;
  /** Memory for replicas beside those that are planned; where it is absent, room is not asked for. */
  readonly spareBytes?: number;
}

/** The stack as it runs. */
export interface RunningFacts {
  /** Services whose containers would be others; asked of Compose. */
  readonly changed: readonly string[];
  /** Services that have containers. */
  readonly services: readonly string[];
  readonly replicas: Readonly<Record<string, number>>;
  readonly oldServices: readonly ReleaseService[];
  /** Memory of one replica by service, as the stack is divided now. */
  readonly replicaBytes?: Readonly<Record<string, number>>;
  /** What a copy of a data service's volume would take, where one is made. */
  readonly dataBytes?: Readonly<Record<string, number>>;
}

export function replaceStep({ project }: Replacement, { changed }: RunningFacts, service: string): Step[] {
  if (!changed.includes(service)) return [];
  return [{ type: 'replace-service', title: `Replace ${service}`, input: { project, service } }];
}

/** Before anything at the edge changes, and before the files do: see `listStep`. */
export function listSteps(target: Replacement, facts: RunningFacts): Step[] {
  const input = behindEdge(target, facts);
  return input === undefined ? [] : [{ type: 'list-edge', title: 'Tell the edge who answers', input }];
}

/** Also where nothing else changed at the edge: its configuration may have, and this is what takes it up. */
export function settleSteps(target: Replacement, facts: RunningFacts): Step[] {
  const input = behindEdge(target, facts);
  return input === undefined ? [] : [{ type: 'settle-edge', title: 'Settle the edge', input }];
}

function behindEdge(target: Replacement, facts: RunningFacts): Listed | undefined {
  const app = firstApp(target);
  if (app === undefined || !facts.services.includes(app.name)) return undefined;
  return { project: target.project, service: app.name, ready: readyOf(target, facts, app) };
}

function firstApp({ services }: Replacement): AppService | undefined {
  return services.find((service): service is AppService => service.role === 'app');
}

/** Before the app, so that each of its states is steered by the nginx that will steer the next. */
export function edgeSteps(target: Replacement, facts: RunningFacts): Step[] {
  const { project } = target;
  const edge = target.services.find(({ role }) => role === 'nginx');
  const app = firstApp(target);
  if (edge === undefined || app === undefined) return [];
  if (!facts.changed.includes(edge.name) || !facts.services.includes(edge.name)) return [];
  const { stalePort } = readyOf(target, facts, app)!; // the first app is the one behind the edge
  const input = { project, service: edge.name, app: { service: app.name, port: stalePort } };
  return [{ type: 'replace-edge', title: `Replace ${edge.name} beside itself`, input }];
}

export function appSteps(target: Replacement, facts: RunningFacts): Step[] {
  return changedReplicas(target, facts).flatMap((service) => exchangeSteps(target, facts, service));
}

export interface ServiceWay extends Way {
  readonly service: string;
  readonly replicas: Replicas;
  readonly isBehindEdge: boolean;
}

/** How the replicas of each service that changes are replaced, and why so. */
export function waysOf(target: Replacement, facts: RunningFacts): ServiceWay[] {
  return changedReplicas(target, facts).map((service) => wayOfService(target, facts, service));
}

function changedReplicas(
  { services }: Replacement,
  { changed }: RunningFacts,
): (AppService | WorkerService)[] {
  return services
    .filter((service): service is AppService | WorkerService => isReplicated(service))
    .filter(({ name }) => changed.includes(name));
}

function isReplicated({ role }: ReleaseService): boolean {
  return role === 'app' || role === 'worker';
}

function wayOfService(
  target: Replacement,
  facts: RunningFacts,
  service: AppService | WorkerService,
): ServiceWay {
  const { name } = service;
  const sized = target.sizing.services.find((one) => one.name === name);
  const freshBytes = sized?.memoryLimitBytes ?? 0;
  const isBehindEdge = readyOf(target, facts, service) !== null;
  const replicas = { stale: facts.replicas[name] ?? 0, fresh: sized?.replicas ?? 1 };
  const way = wayOf({
    service: name,
    // Only what is asked through the edge has traffic to divide; everything else goes one by one.
    asked: isBehindEdge ? (target.strategy ?? strategyOf(service)) : 'rolling',
    isChosen: isBehindEdge && target.strategy !== undefined,
    replicas,
    each: { fresh: freshBytes, stale: facts.replicaBytes?.[name] ?? freshBytes },
    spareBytes: target.spareBytes,
  });
  return { ...way, service: name, replicas, isBehindEdge };
}

function exchangeSteps(
  target: Replacement,
  facts: RunningFacts,
  service: AppService | WorkerService,
): Step[] {
  const { project } = target;
  const { name, drainMs } = service;
  const { readyWithinMs, keepWarmMs } = target.patience;
  const ready = readyOf(target, facts, service);
  const { stages, strategy, replicas } = wayOfService(target, facts, service);
  let before: Sides = { fresh: 0, stale: replicas.stale, freshShare: null };
  return stages.flatMap(({ to, isJudged }): Step[] => {
    const exchange: Step = {
      type: 'exchange',
      title: titleOf(name, before, to),
      input: { project, service: name, before, after: to, drainMs, readyWithinMs, ready },
    };
    before = to;
    if (!isJudged) return [exchange];
    const judge: Step = {
      type: 'judge',
      title: `Watch how ${name} does`,
      input: { project, service: name, soakMs: target.patience.soakMs },
      looks: true,
    };
    const isSwitched = strategy === 'blue-green' && to.freshShare === 100;
    return isSwitched && keepWarmMs > 0 ? [exchange, judge, keepWarmStep(target, name)] : [exchange, judge];
  });
}

function keepWarmStep({ project, patience }: Replacement, service: string): Step {
  const { keepWarmMs } = patience;
  return {
    type: 'keep-warm',
    title: `Keep the old ${service} warm for ${formatDuration(keepWarmMs)}`,
    input: { project, service, keepWarmMs },
  };
}

function strategyOf(service: AppService | WorkerService): Strategy {
  return service.role === 'app' ? service.strategy : 'rolling';
}

/** The first app stands behind the edge; its port may be another one in the old release. */
function readyOf(
  target: Replacement,
  facts: RunningFacts,
  service: AppService | WorkerService,
): Listed['ready'] {
  const isBehindEdge = firstApp(target)?.name === service.name;
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
  if (freshShare === 0) return `Start ${fresh} new replicas of ${name} beside the old, and try them`;
  return `Send ${freshShare} % of the requests to the new ${name}`;
}

/** What has no replicas to divide: carried services, an edge that is new, and what the new release does not have. */
export function otherSteps(target: Replacement, facts: RunningFacts): Step[] {
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

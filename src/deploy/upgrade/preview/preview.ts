// What an upgrade would do to this appliance, in numbers and words, for whoever has to agree. Pure: it looks at the plan
// that is to be carried out, so that nothing is told that will not be done.

import type { PlannedStep, StepDuration } from '../../../journal/index.ts';
import type { DiskFolder } from '../../../machine/index.ts';
import type { ReleaseService } from '../../../release/index.ts';
import { imageRoomBytes } from '../../machine-demand.ts';
import type { MachineVerdict } from '../../machine-verdict.ts';
import type { LastRehearsal } from '../../rehearsal/last-rehearsal.ts';
import type { SetAside } from '../../set-aside-schema.ts';
import { estimateSteps, type Estimate } from './estimate.ts';
import type { UpgradeFacts, UpgradeTarget } from '../plan.ts';
import type { UpgradePreview } from './schema.ts';
import type { Replacement, ServiceWay } from '../replace-plan.ts';
import { newSeries } from '../data/series.ts';
import { stepCosts } from './step-costs.ts';
import { inWords } from './way-words.ts';
import { oneWayOf, wayBackOf } from '../way-back.ts';

export interface PreviewInput {
  readonly target: UpgradeTarget;
  readonly facts: UpgradeFacts;
  readonly ways: readonly ServiceWay[];
  readonly steps: readonly PlannedStep[];
  readonly history: readonly StepDuration[];
  readonly folders: readonly DiskFolder[];
  readonly verdict: MachineVerdict;
  /** Copies of databases that the restore point will hold. */
  readonly copies: readonly { readonly service: string; readonly bytes: number }[];
  /** The image that each service runs now. */
  readonly running: Readonly<Record<string, string>>;
  readonly rehearsal?: LastRehearsal | undefined;
  readonly setAside?: readonly SetAside[];
}

export function previewOf(input: PreviewInput): UpgradePreview {
  const { target, steps, history } = input;
  const estimates = estimateSteps(steps, history);
  const timed = steps.map((step, at): Timed => ({ ...step, ...estimates[at]! }));
  return {
    from: target.from.version,
    to: target.version,
    ...imagesOf(input),
    migrations: migrationsOf(input),
    services: [...replacedReplicas(input, timed), ...restarted(timed)],
    strategies: input.ways.map((way) => strategyOf(way, target.spareBytes ?? 0)),
    disk: diskOf(input),
    point: {
      databases: [...input.copies],
      stores: target.services.filter(({ role }) => role === 'minio').map(({ name }) => name),
    },
    setAside: [...(input.setAside ?? [])],
    rollback: rollbackOf(input),
    time: timeOf(estimates),
    rehearsal: input.rehearsal ?? null,
    checks: checksOf(input.verdict),
    steps: timed.map(({ type, title, ms, from }) => ({ type, title, ms: Math.round(ms), from })),
  };
}

export type Timed = PlannedStep & Estimate;

function imagesOf({ target, running }: PreviewInput): Pick<UpgradePreview, 'images' | 'sameImages'> {
  const tagOf = (service: string): string | undefined =>
    target.images.find((pin) => pin.service === service)?.tag;
  const others = target.loads.filter(({ services }) =>
    services.some((service) => running[service] !== tagOf(service)),
  );
  return {
    images: others.map(({ services, repository, bytes, loadBytes }) => {
      return { services: [...services], repository, isNew: isNew(services, running), bytes, loadBytes };
    }),
    sameImages: target.loads.length - others.length,
  };
}

function isNew(services: readonly string[], running: PreviewInput['running']): boolean {
  return services.every((service) => running[service] === undefined);
}

function migrationsOf({ target, steps }: PreviewInput): UpgradePreview['migrations'] {
  const migrated = steps
    .filter(({ type }) => type === 'migrate')
    .map(({ input }) => (input as { service: string }).service);
  return target.services.flatMap((service) => {
    const { migrate } = migrationOf(service);
    if (migrate === undefined || !migrated.includes(service.name)) return [];
    const back = wayBackOf(migrate);
    return [
      {
        service: service.name,
        command: migrate.up.join(' '),
        isReversible: back !== undefined,
        back: back === undefined ? null : back.down.join(' '),
        timeoutMs: migrate.timeoutMs,
      },
    ];
  });
}

function migrationOf(service: ReleaseService) {
  return service.role === 'app' && service.migrate !== undefined
    ? { migrate: service.migrate }
    : { migrate: undefined };
}

/** Whatever is done to the two sides of a service, as one. */
export function replacedReplicas(
  { target, ways }: { readonly target: Pick<Replacement, 'patience'>; readonly ways: readonly ServiceWay[] },
  timed: readonly Timed[],
): UpgradePreview['services'] {
  const kinds = ['exchange', 'judge', 'keep-warm'];
  return ways.map((way) => {
    const own = timed.filter(({ type, input }) => kinds.includes(type) && serviceIn(input) === way.service);
    return {
      service: way.service,
      how: inWords(way, target.patience.keepWarmMs),
      ms: Math.round(sumMs(own)),
      requests: 'answered' as const,
      heldAtMostMs: null,
    };
  });
}

export function restarted(timed: readonly Timed[]): UpgradePreview['services'] {
  return timed.flatMap(({ type, input, ms }) => {
    const { restarts, requests } = stepCosts[type as keyof typeof stepCosts];
    if (restarts === undefined) return [];
    const {
      service,
      services = [],
      limitMs,
      why,
    } = input as {
      service?: string;
      services?: readonly string[];
      limitMs?: number;
      why?: string;
    };
    const heldAtMostMs = requests === 'wait' ? (limitMs ?? null) : null;
    return [
      {
        service: service ?? services.join(', '),
        how: [restarts, why].filter(Boolean).join(': '),
        ms: Math.round(ms),
        requests,
        heldAtMostMs,
      },
    ];
  });
}

function serviceIn(input: unknown): string | undefined {
  return (input as { service?: string }).service;
}

function sumMs(steps: readonly Estimate[]): number {
  return steps.reduce((sum, { ms }) => sum + ms, 0);
}

export function strategyOf(way: ServiceWay, spareBytes: number): UpgradePreview['strategies'][number] {
  const { service, strategy, why, isOffer, besideBytes } = way;
  return { service, strategy, why, isOffer, besideBytes, spareBytes };
}

function diskOf({ target, facts, folders, copies }: PreviewInput): UpgradePreview['disk'] {
  const { needs, services } = target;
  const series = newSeries(facts.oldServices, services);
  const isOneWay = oneWayOf(services, facts.changed).length > 0;
  const engine = [
    { what: 'images', bytes: imageRoomBytes(needs) },
    ...copies.map(({ service, bytes }) => ({ what: `the copy of ${service}`, bytes })),
    ...copies
      .filter(({ service }) => series.some((one) => one.service === service))
      .map(({ service, bytes }) => ({ what: `the data of ${service} for its next series`, bytes })),
    ...(isOneWay ? copies : []).map(({ service, bytes }) => ({ what: `the way back of ${service}`, bytes })),
  ];
  const state = [{ what: 'the next stack and the restore point', bytes: needs.upgrade?.stateBytes ?? 0 }];
  return inFolders(folders, { engine, state });
}

/** By the folder of each role, as far as it is known. */
export function inFolders(
  folders: readonly DiskFolder[],
  wantedByRole: Readonly<Record<'engine' | 'state', UpgradePreview['disk'][number]['needs']>>,
): UpgradePreview['disk'] {
  return Object.entries(wantedByRole).flatMap(([role, wanted]) => {
    const folder = folders.find((one) => one.role === role);
    if (folder === undefined) return [];
    const neededBytes = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
    const shown = wanted.filter(({ bytes }) => bytes > 0);
    return [{ path: folder.path, needs: shown, neededBytes, freeBytes: folder.freeBytes }];
  });
}

function rollbackOf(input: PreviewInput): UpgradePreview['rollback'] {
  const migrations = migrationsOf(input);
  const oneWay = migrations.filter(({ isReversible }) => !isReversible).map(({ service }) => service);
  const restoring =
    '`onstead rollback --restore-data` takes what was written since out of the application, keeps it as a way back, and says how much before.';
  const lost = [
    ...(oneWay.length === 0 ? [] : [`the migration of ${oneWay.join(', ')}`]),
    ...newSeries(input.facts.oldServices, input.target.services).map(
      ({ service, to }) => `${service} became ${to}`,
    ),
  ];
  if (lost.length > 0) {
    return {
      keepsData: false,
      sentences: [
        `What is written after ${lost.join(' and after ')} cannot be kept.`,
        restoring,
        ...(oneWay.length === 0
          ? []
          : ['If the upgrade is taken back by itself, that is counted, told and set aside.']),
      ],
    };
  }
  const back = migrations.map(({ service }) => service);
  const taking = back.length === 0 ? '' : `, and takes back the migrations of ${back.join(', ')}`;
  return {
    keepsData: true,
    sentences: [`\`onstead rollback\` keeps what was written since${taking}.`, restoring],
  };
}

export function timeOf(estimates: readonly Estimate[]): UpgradePreview['time'] {
  const count = (from: Estimate['from']): number => estimates.filter((one) => one.from === from).length;
  return {
    ms: Math.round(sumMs(estimates)),
    measured: count('measured'),
    fixed: count('fixed'),
    assumed: count('assumed'),
  };
}

export function checksOf({ count, failed, warned }: MachineVerdict): UpgradePreview['checks'] {
  const inOne = ({ title, found }: MachineVerdict['failed'][number]): string => `${title}: ${found}`;
  return {
    count,
    failed: failed.map(inOne),
    warned: warned.map(inOne),
    next: failed.map(({ fix }) => fix).find((fix) => fix !== null) ?? null,
  };
}

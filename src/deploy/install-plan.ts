// What an installation does, as data. The planner sees what there is and what there should be, and names for each
// step exactly what it may take back: only things that were absent before this operation.

import type { PlannedStep } from '../journal/index.ts';
import type { Release, ReleaseService } from '../release/index.ts';
import type { SizingPlan } from '../sizing/index.ts';
import { holderName } from '../stack/index.ts';
import type { ImageLoad } from './image-loads.ts';

/** A bundle on this machine that was verified; `id` is the digest of its signed list. */
export interface BundleReference {
  readonly path: string;
  readonly id: string;
}

export interface ImagePin {
  readonly service: string;
  /** The name that the stack uses for it; it carries the digest. */
  readonly tag: string;
  /** The image's ID on a classic image store. */
  readonly configDigest: string;
  /** Its content on any store. */
  readonly diffIds: readonly string[];
}

export interface VolumePin {
  /** The vendor's name in the release. */
  readonly key: string;
  /** The engine's name. */
  readonly name: string;
  readonly owner: string;
}

export interface InstallTarget {
  readonly bundle: BundleReference;
  readonly project: string;
  readonly product: string;
  readonly title: string;
  readonly version: string;
  readonly keyId: string;
  readonly services: readonly ReleaseService[];
  /** Told to the administrator before anything is done. */
  readonly permissions: Release['permissions'];
  readonly images: readonly ImagePin[];
  readonly volumes: readonly VolumePin[];
  readonly secrets: readonly string[];
  readonly sizing: SizingPlan;
  readonly hosts: readonly string[];
  readonly needs: MachineNeeds;
  readonly loads: readonly ImageLoad[];
}

export interface MachineNeeds {
  readonly project: string;
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Unpacked, without what the engine has already. */
  readonly imageBytes: number;
  readonly imagesToLoad: boolean;
  readonly createdAt: string;
  /** Where something is installed: what the folders need beyond that. Absent: what a first installation needs. */
  readonly upgrade?: { readonly stateBytes: number; readonly copyBytes: number };
  /** On a way back: it ran here before, so that nothing but room forbids it to begin. */
  readonly isBack?: true;
}

/** What already stands on the appliance, by name. */
export interface InstallFacts {
  readonly secrets: readonly string[];
  readonly images: readonly string[];
  readonly volumes: readonly string[];
  /** Services that have containers. */
  readonly services: readonly string[];
  readonly isInstalled: boolean;
}

/** What the stack's files are rendered from, beside the machine's division and the settings. */
export interface StackSpec {
  readonly project: string;
  readonly version: string;
  readonly images: readonly ImagePin[];
  readonly volumes: readonly VolumePin[];
  /** The image that owns the edge's network, unless an earlier installation has settled that. */
  readonly holderImage: string;
}

export interface InstallSteps {
  preflight: MachineNeeds;
  'verify-bundle': BundleReference;
  'keep-release': { bundle: BundleReference; version: string; isNew: boolean };
  'remember-size': { plan: SizingPlan; isNew: boolean };
  'make-secrets': { names: readonly string[]; hosts: readonly string[]; missing: readonly string[] };
  'load-images': {
    bundle: BundleReference;
    images: readonly ImagePin[];
    missing: readonly string[];
    /** Unpacked, as it was planned: how long it took tells how long so many take. */
    bytes?: number;
  };
  'make-volumes': { project: string; volumes: readonly VolumePin[]; missing: readonly string[] };
  'write-stack': StackSpec & { isNew: boolean };
  'open-secrets': { isNew: boolean };
  'start-services': { project: string; services: readonly string[]; absent: readonly string[] };
  'make-users': { project: string; service: string; database: string; user: string };
  'make-buckets': { project: string; service: string; buckets: readonly string[] };
  migrate: {
    project: string;
    service: string;
    up: readonly string[];
    /** How it is taken back without loss: `down` until `status` says what it said before. */
    back?: { readonly down: readonly string[]; readonly status: readonly string[] };
    timeoutMs: number;
  };
  'smoke-test': { project: string; version: string };
  commit: { product: string; title: string; version: string; project: string; keyId: string; bundle: string };
}

/** Steps that an upgrade does too have one name for people. */
export const installTitles = {
  preflight: 'Check this machine',
  'verify-bundle': 'Check the bundle',
  'keep-release': 'Keep the release',
  'make-secrets': 'Make passwords, keys and certificates',
  'load-images': 'Load the images',
  'make-volumes': 'Make the data volumes',
  'open-secrets': 'Open the secrets for their services',
  'make-users': 'Make the database and its user',
  'make-buckets': 'Make the buckets',
  'smoke-test': 'Use it as a client would',
} as const;

type Step = {
  [Type in keyof InstallSteps]: { type: Type; title: string; input: InstallSteps[Type]; looks?: true };
}[keyof InstallSteps];

export function planInstall(target: InstallTarget, facts: InstallFacts): PlannedStep[] {
  const isNew = !facts.isInstalled;
  const { bundle, images, volumes, version } = target;
  const steps: Step[] = [
    { type: 'preflight', title: installTitles.preflight, input: target.needs, looks: true },
    { type: 'verify-bundle', title: installTitles['verify-bundle'], input: bundle, looks: true },
    { type: 'keep-release', title: installTitles['keep-release'], input: { bundle, version, isNew } },
    {
      type: 'remember-size',
      title: `Divide the machine: ${target.sizing.tier.name}, about ${target.sizing.tier.users} users`,
      input: { plan: target.sizing, isNew },
    },
    {
      type: 'make-secrets',
      title: installTitles['make-secrets'],
      input: { names: target.secrets, hosts: target.hosts, missing: absent(target.secrets, facts.secrets) },
    },
    {
      type: 'load-images',
      title: installTitles['load-images'],
      input: {
        bundle,
        images,
        missing: absent(
          images.map(({ tag }) => tag),
          facts.images,
        ),
        bytes: target.needs.imageBytes,
      },
    },
    {
      type: 'make-volumes',
      title: installTitles['make-volumes'],
      input: {
        project: target.project,
        volumes,
        missing: absent(
          volumes.map(({ name }) => name),
          facts.volumes,
        ),
      },
    },
    {
      type: 'write-stack',
      title: 'Write the stack',
      input: { ...stackSpecOf(target), isNew },
    },
    { type: 'open-secrets', title: installTitles['open-secrets'], input: { isNew } },
    ...dataSteps(target, facts),
    ...appSteps(target, facts),
    {
      type: 'smoke-test',
      title: installTitles['smoke-test'],
      input: { project: target.project, version },
      looks: true,
    },
    {
      type: 'commit',
      title: 'Record the installation',
      input: {
        product: target.product,
        title: target.title,
        version,
        project: target.project,
        keyId: target.keyId,
        bundle: bundle.id,
      },
    },
  ];
  return steps;
}

function dataSteps(target: InstallTarget, facts: InstallFacts): Step[] {
  const names = byRole(target, 'mysql', 'redis', 'minio');
  const start = startStep('Start the data services', names, target, facts);
  const { project } = target;
  const inside = target.services.flatMap((service): Step[] => {
    if (service.role === 'mysql') {
      const { name, database, user } = service;
      return [
        {
          type: 'make-users',
          title: installTitles['make-users'],
          input: { project, service: name, database, user },
        },
      ];
    }
    if (service.role === 'minio') {
      const { name, buckets } = service;
      return [
        {
          type: 'make-buckets',
          title: installTitles['make-buckets'],
          input: { project, service: name, buckets },
        },
      ];
    }
    return [];
  });
  return [...start, ...inside];
}

function appSteps(target: InstallTarget, facts: InstallFacts): Step[] {
  const migrations = target.services.flatMap((service): Step[] => {
    if (service.role !== 'app' || service.migrate === undefined) return [];
    const { up, timeoutMs } = service.migrate;
    return [
      {
        type: 'migrate',
        title: `Migrate the database for ${service.name}`,
        input: { project: target.project, service: service.name, up, timeoutMs },
        // Migrations of a release run once; a repeated installation asks again and finds nothing to do.
        ...(facts.isInstalled ? { looks: true } : {}),
      },
    ];
  });
  return [
    ...migrations,
    ...startStep(
      `Start ${target.title} and the edge`,
      // Together: nobody uses the edge before the smoke test, and each takes seconds to say that it is healthy.
      [...byRole(target, 'app', 'worker', 'carried'), holderName, ...byRole(target, 'nginx')],
      target,
      facts,
    ),
  ];
}

/** A repair that fails must not take away what it started: on an installed appliance nothing counts as absent. */
function absentServices(services: readonly string[], facts: InstallFacts): string[] {
  return facts.isInstalled ? [] : absent(services, facts.services);
}

function startStep(
  title: string,
  services: readonly string[],
  target: InstallTarget,
  facts: InstallFacts,
): Step[] {
  if (services.length === 0) return [];
  return [
    {
      type: 'start-services',
      title,
      input: { project: target.project, services, absent: absentServices(services, facts) },
    },
  ];
}

export function stackSpecOf({ project, version, images, volumes, services }: InstallTarget): StackSpec {
  const edge = services.find(({ role }) => role === 'nginx');
  const holderImage = images.find(({ service }) => service === edge?.name)?.tag ?? '';
  return { project, version, images, volumes, holderImage };
}

function byRole(target: InstallTarget, ...roles: readonly ReleaseService['role'][]): string[] {
  return target.services.filter(({ role }) => roles.includes(role)).map(({ name }) => name);
}

export function absent(wanted: readonly string[], present: readonly string[]): string[] {
  return wanted.filter((name) => !present.includes(name));
}

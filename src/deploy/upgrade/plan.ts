// What an upgrade does, as data: look, stage, keep what the way back needs, migrate, replace one service after the
// other, prove it, record it. Pure.

import type { PlannedStep } from '../../journal/index.ts';
import type { InstalledRelease } from '../facts.ts';
import type { InstallFacts, InstallTarget } from '../install-plan.ts';
import { absent, installTitles, stackSpecOf } from '../install-plan.ts';
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

export interface UpgradeTarget extends InstallTarget, Replacement {
  readonly from: InstalledRelease;
}

export interface UpgradeFacts extends InstallFacts, RunningFacts {}

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
      input: {
        bundle,
        images,
        missing: absent(tagsOf(target), facts.images),
        bytes: target.needs.imageBytes,
      },
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
    ...listSteps(target, facts),
    { type: 'switch-stack', title: 'Put the next stack in place', input: { plan: target.sizing } },
    { type: 'open-secrets', title: 'Open the secrets for their services', input: { isNew: false } },
    ...dataSteps(target, facts),
    ...migrateSteps(target, facts),
    ...edgeSteps(target, facts),
    ...appSteps(target, facts),
    ...otherSteps(target, facts),
    ...settleSteps(target, facts),
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
    if (!isDataService(service)) return [];
    const { name, role } = service;
    const isThere = facts.services.includes(name);
    const start: Step[] = isThere
      ? replaceDataSteps(target, facts, service)
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

function migrateSteps(target: UpgradeTarget, facts: UpgradeFacts): Step[] {
  return target.services.flatMap((service): Step[] => {
    if (service.role !== 'app' || service.migrate === undefined) return [];
    if (!facts.changed.includes(service.name)) return [];
    const { up, timeoutMs } = service.migrate;
    const back = wayBackOf(service.migrate);
    return [
      {
        type: 'migrate',
        title: `Migrate the database for ${service.name}${back !== undefined ? '' : ', while requests wait (cannot be taken back by itself)'}`,
        input: {
          project: target.project,
          service: service.name,
          up,
          timeoutMs,
          ...(back === undefined ? {} : { back }),
        },
      },
    ];
  });
}

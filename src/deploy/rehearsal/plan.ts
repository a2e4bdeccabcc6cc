// What a rehearsal does, as data: a copy of the data in a scratch stack, the migrations and the new app on it, and
// everything removed again. Pure.

import type { PlannedStep } from '../../journal/index.ts';
import type { ReleaseService } from '../../release/index.ts';
import type { SizingPlan } from '../../sizing/index.ts';
import { pointsVolumeKey, pointsVolumePin, scratchProjectOf } from '../../stack/index.ts';
import { absent, installTitles, stackSpecOf } from '../install-plan.ts';
import type { InstallFacts, InstallTarget, StackSpec, VolumePin } from '../install-plan.ts';
import type { Step } from './step-types.ts';

export interface RehearsalTarget extends InstallTarget {
  /** The sizes of the scratch stack. */
  readonly scratch: SizingPlan;
  readonly databases: readonly { readonly service: string; readonly key: string }[];
}

export function planRehearsal(target: RehearsalTarget, facts: Pick<InstallFacts, 'images'>): PlannedStep[] {
  const { bundle, images, project: live } = target;
  const stack = scratchSpecOf(target);
  const { project } = stack;
  const tags = images.map(({ tag }) => tag);
  const missing = absent(tags, facts.images);
  const steps: Step[] = [
    { type: 'preflight', title: installTitles.preflight, input: target.needs, looks: true },
    { type: 'verify-bundle', title: installTitles['verify-bundle'], input: bundle, looks: true },
    { type: 'load-images', title: installTitles['load-images'], input: { bundle, images, missing } },
    {
      type: 'set-up-scratch',
      title: 'Write a small stack of its own beside the running one',
      input: { live, bundle, stack, plan: target.scratch },
    },
    ...target.databases.flatMap(({ service, key }): Step[] => {
      const volume = stack.volumes.find((one) => one.key === key);
      if (volume === undefined) return [];
      return [
        {
          type: 'fill-scratch',
          title: `Copy the data of ${service} into it`,
          input: { live, service, volume },
        },
      ];
    }),
    ...startStep('Start its data services', project, namesOf(target, 'mysql', 'redis', 'minio')),
    ...bucketSteps(target, project),
    ...migrationSteps(target, project),
    ...startStep(`Start ${target.title} ${target.version} in it`, project, namesOf(target, 'app')),
    { type: 'try-answers', title: 'Use it as a client would', input: { project }, looks: true },
    { type: 'report-rehearsal', title: 'Say what was seen', input: { project } },
    { type: 'remove-scratch', title: 'Remove all of it', input: { images: missing } },
  ];
  return steps;
}

/** The same images and services; a project and volumes of its own. */
function scratchSpecOf(target: RehearsalTarget): StackSpec {
  const spec = stackSpecOf(target);
  const project = scratchProjectOf(spec.project, 'rehearsal');
  const volumes = spec.volumes.map((one): VolumePin =>
    one.key === pointsVolumeKey ? pointsVolumePin(project) : { ...one, name: `${project}_${one.key}` },
  );
  return { ...spec, project, volumes };
}

function startStep(title: string, project: string, services: readonly string[]): Step[] {
  return services.length === 0 ? [] : [{ type: 'start-scratch', title, input: { project, services } }];
}

function bucketSteps({ services, project: live }: RehearsalTarget, project: string): Step[] {
  return services.flatMap((service): Step[] => {
    if (service.role !== 'minio') return [];
    const { name, buckets } = service;
    const input = { live, project, service: name, buckets };
    return [{ type: 'fill-scratch-buckets', title: 'Copy some of the files into it', input }];
  });
}

function migrationSteps({ services }: RehearsalTarget, project: string): Step[] {
  return services.flatMap((service): Step[] => {
    if (service.role !== 'app' || service.migrate === undefined) return [];
    const { up, timeoutMs } = service.migrate;
    const input = { project, service: service.name, up, timeoutMs };
    return [{ type: 'try-migration', title: `Migrate its database for ${service.name}`, input }];
  });
}

function namesOf({ services }: RehearsalTarget, ...roles: readonly ReleaseService['role'][]): string[] {
  return services.filter(({ role }) => roles.includes(role)).map(({ name }) => name);
}

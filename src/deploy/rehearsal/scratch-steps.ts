// The scratch stack comes, is filled with a copy of the data, and goes without a trace.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes } from '../../base/units.ts';
import type { Executor } from '../../journal/index.ts';
import {
  copyDatabase,
  endClones,
  isOurVolume,
  makeVolume,
  openedServices,
  putObjects,
  readStackRelease,
  removePointCopies,
  removeScratch,
  restoreDatabase,
  restoredFrom,
  scratchPlaceOf,
  scratchProjectOf,
  sealedRelease,
  takeObjects,
  unsealInto,
  writeStack,
} from '../../stack/index.ts';
import { releasePath } from '../bundle-shelf.ts';
import { whileAtData } from '../data-turn.ts';
import { removeUnusedImages } from '../images-in-use.ts';
import { accessTo, makeBucketsStep } from '../steps/data-steps.ts';
import { renderSpec, stackRelease } from '../stack-files.ts';
import { containerIfWell, containerOnceWell, healthyContainer, type DeployTools } from '../tools.ts';
import { databasesOf } from '../point-data.ts';
import type { RehearsalSteps } from './step-types.ts';
import { scratchTools } from './scratch-tools.ts';

export function setUpScratchStep(tools: DeployTools): Executor<RehearsalSteps['set-up-scratch']> {
  return {
    async apply({ bundle, stack, plan }, { operation, signal }) {
      const scratch = scratchTools(tools, 'rehearsal');
      const { stack: stackFolder, unsealed } = scratch.paths;
      const text = await tools.bundles.use(bundle, { signal }, (one) => one.readText(releasePath));
      await writeStack(stackFolder, renderSpec(scratch, stack, text, plan, sealedRelease));
      await unsealInto(unsealed, openedServices(await stackRelease(scratch), tools.secrets));
      const engine = await tools.engine();
      for (const { key, name, owner } of stack.volumes) {
        if (await isOurVolume(engine, name, owner)) continue;
        await makeVolume(engine, { key, name, owner, project: stack.project, stackFolder, operation });
      }
      await (await scratch.compose()).config();
    },
    async undo({ live }, context) {
      await removeScratch(await tools.engine(), scratchPlaceOf(tools.paths, 'rehearsal'));
      await whileAtData(tools, context, () => removeCopies(tools, live, context.operation));
    },
  };
}

export function fillScratchStep(tools: DeployTools): Executor<RehearsalSteps['fill-scratch']> {
  return {
    async apply({ live, service, volume }, context) {
      const { operation: point, signal } = context;
      const engine = await tools.engine();
      const { clock } = tools;
      if ((await restoredFrom(engine, volume.name)) !== point) {
        await whileAtData(tools, context, async () => {
          const container = await containerOnceWell(tools, live, service, signal);
          await copyDatabase({ engine, clock, project: live, point, service, container, signal });
        });
        const project = scratchProjectOf(live, 'rehearsal');
        const { stack: stackFolder } = scratchPlaceOf(tools.paths, 'rehearsal');
        const place = { ...volume, project, stackFolder, operation: point };
        await restoreDatabase({ engine, project: live, point, service, volume: place, signal });
      }
      await removePointCopies(engine, live, point); // the volume is all that is needed
    },
  };
}

/** Some of the files that people have put there: the app may ask for them. */
export function fillBucketsStep(tools: DeployTools): Executor<RehearsalSteps['fill-scratch-buckets']> {
  return {
    async apply(input, context) {
      const { live, service, buckets } = input;
      const { signal } = context;
      const scratch = scratchTools(tools, 'rehearsal');
      await makeBucketsStep(scratch).apply(input, context);
      const folder = join(scratch.paths.stack, 'objects');
      const { objects, bytes } = await whileAtData(tools, context, async () => {
        const from = await accessTo(tools, await containerOnceWell(tools, live, service, signal));
        return takeObjects(from, buckets, folder, signal);
      });
      const to = await accessTo(scratch, await healthyContainer(scratch, input.project, service, signal));
      await putObjects(to, buckets, folder, signal);
      await rm(folder, { recursive: true, force: true });
      return `${objects} ${objects === 1 ? 'object' : 'objects'}, ${formatBytes(bytes)}`;
    },
  };
}

export function removeScratchStep(tools: DeployTools): Executor<RehearsalSteps['remove-scratch']> {
  return {
    async apply({ images }, { operation }) {
      await removeScratch(await tools.engine(), scratchPlaceOf(tools.paths, 'rehearsal'));
      await removeUnusedImages(tools, operation, images);
    },
  };
}

/** A copy that is still being made is ended first. */
async function removeCopies(tools: DeployTools, project: string, point: string): Promise<void> {
  const engine = await tools.engine();
  const release = await readStackRelease(tools.paths);
  for (const { service } of databasesOf(release?.services ?? [])) {
    const container = await containerIfWell(tools, project, service);
    if (container !== undefined) await endClones({ engine, clock: tools.clock, container });
  }
  await removePointCopies(engine, project, point);
}

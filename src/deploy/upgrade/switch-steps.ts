// The stack's folder on its way from one release to the next: rendered and checked beside the running one, copied into
// the point that the way back begins at, then put in place.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder, readTextIfAny } from '../../base/files.ts';
import type { Executor } from '../../journal/index.ts';
import { findDrift, isUpstreams, readStack, writeStack, type StackFiles } from '../../stack/index.ts';
import { onCurrentVolumes } from '../current-volumes.ts';
import { readFact, writeFact } from '../facts.ts';
import { dropPoint, keepPoint, pointStack, readPoint } from '../points.ts';
import { forgetUnheldCopies } from '../forget-data.ts';
import { keepPointData, keepPointDataIfWell } from '../point-data.ts';
import { renderKept } from '../stack-files.ts';
import type { DeployTools } from '../tools.ts';
import { forgetWorthless } from './fallback/set-aside.ts';
import type { UpgradeSteps } from './step-types.ts';
import { putStackBack } from './put-stack-back.ts';

export function stageStackStep(tools: DeployTools): Executor<UpgradeSteps['stage-stack']> {
  return {
    async apply(input) {
      const files = await renderKept(tools, input, input.plan);
      await ensureFolder(tools.paths.stackNext);
      await writeStack(tools.paths.stackNext, files);
      await (await tools.composeIn(tools.paths.stackNext)).config();
    },
    async undo() {
      await rm(tools.paths.stackNext, { recursive: true, force: true });
    },
  };
}

/** The stack of a point, as it was kept. */
export function stagePointStep(tools: DeployTools): Executor<UpgradeSteps['stage-point']> {
  return {
    async apply({ point }) {
      await ensureFolder(tools.paths.stackNext);
      // A restore since then may have given the data another volume.
      const { project } = readFact(tools.journal, 'installed')!; // a rollback begins with one
      const files = await readStack(pointStack(tools, point));
      await writeStack(tools.paths.stackNext, onCurrentVolumes(tools.journal, project, files));
      await (await tools.composeIn(tools.paths.stackNext)).config();
    },
    async undo() {
      await rm(tools.paths.stackNext, { recursive: true, force: true });
    },
  };
}

export function keepPointStep(tools: DeployTools): Executor<UpgradeSteps['keep-point']> {
  return {
    async apply({ from, over, isLeft, isOptional }, { operation, signal, note }) {
      const sizing = readFact(tools.journal, 'sizing')!; // it stands as long as a release is installed
      const keptAt = tools.clock.now().toISOString();
      await keepPoint(tools, {
        id: operation,
        keptAt,
        from,
        sizing,
        ...(over === undefined ? {} : { over }),
      });
      if (isLeft) return; // it is kept as it is once nobody writes any more
      if (isOptional) await keepPointDataIfWell(tools, operation, { signal, note });
      else await keepPointData(tools, operation, signal);
    },
    async undo({ from }, { operation, signal }) {
      await forgetWorthless(tools, from.project, operation);
      await dropPoint(tools, operation);
      await forgetUnheldCopies(tools, signal).catch((error: unknown) => {
        tools.log.warn({ err: error }, 'the data of a point could not be cleared away; the next one does it');
      });
    },
  };
}

export function switchStackStep(tools: DeployTools): Executor<UpgradeSteps['switch-stack']> {
  return {
    async holds({ plan }) {
      const next = await nextFiles(tools);
      const isDivided = JSON.stringify(readFact(tools.journal, 'sizing')) === JSON.stringify(plan);
      return isDivided && (await findDrift(tools.paths.stack, next)).length === 0;
    },
    async apply({ plan }) {
      await writeStack(tools.paths.stack, await nextFiles(tools));
      writeFact(tools.journal, 'sizing', plan);
    },
    async undo(_input, { operation }) {
      const point = await readPoint(tools, operation);
      if (point === undefined) return; // nothing was kept, so nothing was changed
      await putStackBack(tools, point.from.project, operation);
      writeFact(tools.journal, 'sizing', point.sizing);
    },
  };
}

async function nextFiles(tools: DeployTools): Promise<StackFiles> {
  return withSteering(tools, await readStack(tools.paths.stackNext));
}

/** Who answers at the edge is not the files' to say while replicas are replaced. */
export async function withSteering(
  { paths }: Pick<DeployTools, 'paths'>,
  files: StackFiles,
): Promise<StackFiles> {
  const next = new Map(files);
  for (const path of next.keys()) {
    const now = isUpstreams(path) ? await readTextIfAny(join(paths.stack, path)) : undefined;
    if (now !== undefined) next.set(path, now);
  }
  return next;
}

// The stack's folder on its way from one release to the next: rendered and checked beside the running one, copied into
// the point that the way back begins at, then put in place.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../../base/files.ts';
import type { Executor } from '../../journal/index.ts';
import { findDrift, keepStack, readStack, restoreStack, writeStack } from '../../stack/index.ts';
import { readFact, writeFact } from '../facts.ts';
import { renderKept } from '../stack-files.ts';
import type { DeployTools } from '../tools.ts';
import type { UpgradeSteps } from './plan.ts';
import { pointFolder, pointStack } from '../points.ts';

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

/** What the appliance was before, in a folder named by the operation: the files, and what is known of them. */
export function keepPointStep(tools: DeployTools): Executor<UpgradeSteps['keep-point']> {
  return {
    async apply({ from }, { operation }) {
      const folder = pointFolder(tools, operation);
      await ensureFolder(folder);
      await keepStack(tools.paths.stack, pointStack(tools, operation));
      const sizing = readFact(tools.journal, 'sizing');
      const kept = { id: operation, keptAt: tools.clock.now().toISOString(), from, sizing };
      if ((await readTextIfAny(join(folder, 'point.json'))) === undefined) {
        await writeFileAtomic(join(folder, 'point.json'), `${JSON.stringify(kept, null, 1)}\n`);
      }
    },
    async undo(_input, { operation }) {
      await rm(pointFolder(tools, operation), { recursive: true, force: true });
    },
  };
}

export function switchStackStep(tools: DeployTools): Executor<UpgradeSteps['switch-stack']> {
  return {
    async holds({ plan }) {
      const next = await readStack(tools.paths.stackNext);
      const isDivided = JSON.stringify(readFact(tools.journal, 'sizing')) === JSON.stringify(plan);
      return isDivided && (await findDrift(tools.paths.stack, next)).length === 0;
    },
    async apply({ plan }) {
      await writeStack(tools.paths.stack, await readStack(tools.paths.stackNext));
      writeFact(tools.journal, 'sizing', plan);
    },
    async undo(_input, { operation }) {
      await restoreStack(tools.paths.stack, pointStack(tools, operation));
      const text = await readTextIfAny(join(pointFolder(tools, operation), 'point.json'));
      if (text !== undefined)
        writeFact(tools.journal, 'sizing', (JSON.parse(text) as { sizing: never }).sizing);
    },
  };
}

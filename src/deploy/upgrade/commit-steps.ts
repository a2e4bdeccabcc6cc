// The upgrade is recorded, and only then what no way back needs is cleared away.

import type { Executor } from '../../journal/index.ts';
import { imagesOf } from '../../stack/index.ts';
import { clearDataFact, readDataFact, readFact, writeFact } from '../facts.ts';
import { forgetUnheldCopies, forgetUnheldVolumes } from '../forget-data.ts';
import { removeUnusedImages } from '../images-in-use.ts';
import { rememberSeen, rememberSeenBack } from '../seen-versions.ts';
import type { DeployTools } from '../tools.ts';
import type { UpgradeSteps } from './step-types.ts';
import { dropPoint, listPoints } from '../points.ts';
import { pointsToKeep } from '../ways-back.ts';
import { forgetSetAside } from './fallback/set-aside.ts';

export function commitUpgradeStep(tools: DeployTools): Executor<UpgradeSteps['commit-upgrade']> {
  return {
    async holds({ installed }) {
      return readFact(tools.journal, 'installed')?.bundle === installed.bundle;
    },
    async apply({ installed, isBack }, { operation }) {
      const { keyId, product, version } = installed;
      if (isBack) await rememberSeenBack(tools.paths, installed);
      else await rememberSeen(tools.paths, { keyId, product, version });
      writeFact(tools.journal, 'installed', { ...installed, installedAt: tools.clock.now().toISOString() });
      const restored = readDataFact(tools.journal, installed.project, 'restored');
      return restored?.operation === operation ? restored.lost : undefined;
    },
    async undo({ from, isBack }) {
      if (isBack) await rememberSeen(tools.paths, from);
      else await rememberSeenBack(tools.paths, from);
      writeFact(tools.journal, 'installed', from);
    },
  };
}

/** The upgrade stands: what cannot be cleared away now is cleared away by the next one. */
export function tidyStep(tools: DeployTools): Executor<UpgradeSteps['tidy']> {
  return {
    async apply({ project }, { operation, signal }) {
      try {
        await forgetOldPoints(tools);
        await forgetUnheldCopies(tools, signal);
        await forgetUnheldVolumes(tools, project);
        clearDataFact(tools.journal, project, 'restored');
        await forgetSetAside(tools);
        return await clearImages(tools, operation, project);
      } catch (error) {
        tools.log.warn({ err: error }, 'what is no longer needed could not be cleared away');
        return 'left for the next time';
      }
    },
  };
}

async function forgetOldPoints(tools: DeployTools): Promise<void> {
  const points = await listPoints(tools);
  const kept = pointsToKeep(points);
  for (const point of points) if (!kept.includes(point)) await dropPoint(tools, point.id);
}

/** Of the stack's own, whoever brought them. */
async function clearImages(tools: DeployTools, operation: string, project: string): Promise<string> {
  const engine = await tools.engine();
  const ours = await engine.images.list({ reference: imagesOf(project) });
  const tags = ours.flatMap(({ repoTags }) => repoTags);
  const removed = await removeUnusedImages(tools, operation, tags);
  return removed.length === 0 ? 'nothing to clear away' : `${removed.length} images removed`;
}

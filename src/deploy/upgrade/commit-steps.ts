// The upgrade is recorded, and only then what no way back needs is cleared away.

import type { Executor } from '../../journal/index.ts';
import { imagesOf, readStack } from '../../stack/index.ts';
import { readFact, writeFact } from '../facts.ts';
import { forgetPointData } from '../point-data.ts';
import { rememberSeen, rememberSeenBack } from '../seen-versions.ts';
import type { DeployTools } from '../tools.ts';
import type { UpgradeSteps } from './step-types.ts';
import { dropPoint, listPoints, pointStack } from '../points.ts';
import { pointsToKeep } from '../ways-back.ts';
import { forgetOldVolumes } from './fallback/restore-steps.ts';
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
      const restored = readFact(tools.journal, 'restored');
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
    async apply({ project }, { signal }) {
      try {
        await forgetOldPoints(tools);
        await forgetPointData(tools, signal);
        await forgetOldVolumes(tools, project);
        await forgetSetAside(tools);
        return await removeUnusedImages(tools, project);
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

/** Images of the stack that neither it nor a point that is kept names. */
async function removeUnusedImages(tools: DeployTools, project: string): Promise<string> {
  const engine = await tools.engine();
  const files = await Promise.all((await stacksKept(tools)).map((folder) => readStack(folder)));
  const texts = files.flatMap((one) => [...one.values()]);
  const ours = await engine.images.list({ reference: imagesOf(project) });
  const unused = ours
    .flatMap(({ repoTags }) => repoTags)
    .filter((tag) => !texts.some((text) => text.includes(tag)));
  for (const tag of unused) await engine.images.remove(tag);
  return unused.length === 0 ? 'nothing to clear away' : `${unused.length} images removed`;
}

async function stacksKept(tools: DeployTools): Promise<string[]> {
  const points = await listPoints(tools);
  return [tools.paths.stack, ...points.map(({ id }) => pointStack(tools, id))];
}

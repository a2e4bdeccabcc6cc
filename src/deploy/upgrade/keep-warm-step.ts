// After blue-green's switch the old replicas run on, asked by nobody, so that the way back is one reload. The new ones
// are watched meanwhile. When the time is up is written down: a daemon that comes back does not begin it anew.

import { join } from 'node:path';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../../base/files.ts';
import type { Executor } from '../../journal/index.ts';
import { pointFolder } from '../points.ts';
import type { DeployTools } from '../tools.ts';
import { watchService, type Watched } from './gate/watch.ts';

export interface KeepWarm extends Watched {
  readonly keepWarmMs: number;
}

const FILE = 'warm.json';

export function keepWarmStep(
  tools: DeployTools,
  watch: typeof watchService = watchService,
): Executor<KeepWarm> {
  return {
    verifies: true,
    async apply({ keepWarmMs, ...watched }, context) {
      const until = await warmUntil(tools, context.operation, keepWarmMs);
      // A clock that was set back meanwhile does not make it longer.
      const leftMs = Math.min(keepWarmMs, until.getTime() - tools.clock.now().getTime());
      if (leftMs <= 0) return 'the time was up';
      context.note(
        'Nobody asks the old replicas any more: `onstead rollback --yes` turns back in one reload.',
      );
      return watch(tools, watched, context, { forMs: leftMs });
    },
  };
}

async function warmUntil(tools: DeployTools, operation: string, keepWarmMs: number): Promise<Date> {
  const path = join(pointFolder(tools, operation), FILE);
  const text = await readTextIfAny(path);
  if (text !== undefined) return new Date((JSON.parse(text) as { until: string }).until); // written below
  const until = new Date(tools.clock.now().getTime() + keepWarmMs);
  await ensureFolder(pointFolder(tools, operation));
  await writeFileAtomic(path, JSON.stringify({ until: until.toISOString() }));
  return until;
}

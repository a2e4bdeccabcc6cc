// On the way back by a rollback: the data of its point in place of the data of now. It can be undone, but for the
// objects that were written since; those were counted before anybody agreed.

import type { Executor } from '../../../journal/index.ts';
import { holdRequests, removeVolumeMadeBy, restoredVolumeOf, volumesOfKey } from '../../../stack/index.ts';
import { edgeOf } from '../../edge-of.ts';
import { clearFact, readFact, volumeNameOf } from '../../facts.ts';
import { requirePointData } from '../../point-data.ts';
import type { DeployTools } from '../../tools.ts';
import { putStackBack } from '../put-stack-back.ts';
import { HOLD_LIMIT_MS, moveTo, restorePoint, withoutWriters, type RestoreData } from './restore.ts';

export function restoreDataStep(tools: DeployTools): Executor<RestoreData> {
  return {
    apply: (input, context) => restorePoint(tools, input, context),
    async undo(input, context) {
      const { project, point } = input;
      const restored = readFact(tools.journal, 'restored');
      const data = await requirePointData(tools, point);
      if (restored?.operation === context.operation) {
        await putStackBack(tools, context.operation);
        const options = { limitMs: HOLD_LIMIT_MS, signal: context.signal };
        await holdRequests(await edgeOf(tools), options, () =>
          withoutWriters(tools, input, context, () => moveTo(tools, project, data, restored.before, context)),
        );
        clearFact(tools.journal, 'restored');
      }
      const engine = await tools.engine();
      for (const { key } of data.databases) {
        const name = restoredVolumeOf(project, key, context.operation);
        if (volumeNameOf(tools.journal, project, key) !== name) {
          await removeVolumeMadeBy(engine, name, context.operation);
        }
      }
    },
  };
}

/** The operation stands: volumes that hold no data of now are removed. Returns their names. */
export async function forgetOldVolumes(tools: DeployTools, project: string): Promise<string[]> {
  const { journal } = tools;
  const engine = await tools.engine();
  const removed: string[] = [];
  for (const [key, name] of Object.entries(readFact(journal, 'volumes') ?? {})) {
    const old = (await volumesOfKey(engine, project, key)).filter((one) => one !== name);
    for (const one of old) await engine.volumes.remove(one);
    removed.push(...old);
  }
  clearFact(journal, 'restored');
  return removed;
}

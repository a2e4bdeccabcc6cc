// On the way back by a rollback: the data of its point in place of the data of now. What it leaves is kept as it is, as
// the point of this rollback: so a way leads back, while it is under way and later.

import { OnsteadError } from '../../../base/errors.ts';
import type { Executor, StepContext } from '../../../journal/index.ts';
import { removeVolumeMadeBy, restoredVolumeOf } from '../../../stack/index.ts';
import { volumeNameOf } from '../../current-volumes.ts';
import { clearDataFact, writeDataFact, type Restored } from '../../facts.ts';
import { lossInShort, lossInWords } from '../../loss-words.ts';
import { keepPointAsLeft, requirePointData } from '../../point-data.ts';
import { lookAtPointLoss } from '../../point-loss.ts';
import type { DeployTools } from '../../tools.ts';
import { dataAsLeft } from './moment.ts';
import { goBackToBefore, ownRestored, restorePoint, whileHeld, type RestoreData } from './restore.ts';
import { isMeanwhileAside } from './set-aside.ts';
import { tryAnswers } from './try-answers.ts';

export function restoreDataStep(tools: DeployTools): Executor<RestoreData> {
  return {
    async apply(input, context) {
      if (ownRestored(tools, input.project, context)?.isTurning === true) {
        await whileHeld(tools, context, () => goBackToBefore(tools, input, context));
        throw turned();
      }
      return restorePoint(tools, input, context, {
        before: (restored) => giveUp(tools, input, context, restored),
        tryOut: () => tryAnswers(tools, input.project, context),
      });
    },
    async undo(input, context) {
      const { project } = input;
      const restored = ownRestored(tools, project, context);
      // Where it was taken back at once whoever writes is there again.
      if (restored !== undefined && restored.isHome !== true) {
        await whileHeld(tools, context, () => goBackToBefore(tools, input, context));
      }
      if (restored !== undefined) clearDataFact(tools.journal, project, 'restored');
      await removeOwnVolumes(tools, input, context);
    },
  };
}

/** Counted while nobody writes, so that it is the true number; all of it stays where it is. */
async function giveUp(
  tools: DeployTools,
  { project, point }: RestoreData,
  context: StepContext,
  restored: Restored,
): Promise<void> {
  const { operation, note } = context;
  const data = await requirePointData(tools, point);
  const loss = await lookAtPointLoss(tools, { project, point, signal: context.signal });
  await keepPointAsLeft(tools, operation, dataAsLeft(restored, data));
  const short = lossInShort(loss);
  for (const line of lossInWords(loss, 'given-up')) note(line);
  const way = `\`onstead rollback --to ${operation} --restore-data\``;
  const lost =
    short === undefined
      ? 'Nothing was given up: nobody had written anything since then.'
      : `Given up: ${short}. All of it is kept; ${way} puts it in place again.`;
  writeDataFact(tools.journal, project, 'restored', { ...restored, lost });
}

/** Volumes that this operation made and that hold nothing that is not elsewhere too. */
async function removeOwnVolumes(
  tools: DeployTools,
  { project, point }: RestoreData,
  { operation }: StepContext,
): Promise<void> {
  if (await isMeanwhileAside(tools, operation)) return;
  const engine = await tools.engine();
  for (const { key } of (await requirePointData(tools, point)).databases) {
    const name = restoredVolumeOf(project, key, operation);
    if (volumeNameOf(tools.journal, project, key) !== name) await removeVolumeMadeBy(engine, name, operation);
  }
}

function turned(): OnsteadError {
  return new OnsteadError(
    'operation.turned-back',
    'The data of then was being taken out again when this was interrupted.',
    { next: 'See with `onstead operations show` why it could not be put in place, then try again.' },
  );
}

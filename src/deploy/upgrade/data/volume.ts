// A data service that goes on with a copy of its volume: the fact and the stack's files name the copy, and the volume of
// before is kept until the operation is committed.

import { OnsteadError } from '../../../base/errors.ts';
import {
  copyVolume,
  endLineOfTransactions,
  removeVolumeMadeBy,
  requireRoomForCopy,
  userOf,
} from '../../../stack/index.ts';
import { nameVolumes, volumeNameOf } from '../../current-volumes.ts';
import { clearDataFact, readDataFact, writeDataFact } from '../../facts.ts';
import { writeAsideReport } from '../../set-aside.ts';
import { stackRelease } from '../../stack-files.ts';
import type { Job } from './job.ts';

/** Another name than a restore of the same operation gives. */
function copyNameOf(job: Job, key: string): string {
  return `${job.input.project}_${key}.${job.context.operation}.series`;
}

/** Before requests wait. */
export async function requireRoom({ tools, input }: Job): Promise<void> {
  if (input.movesTo === null) return;
  const volume = volumeNameOf(tools.journal, input.project, input.movesTo.key);
  await requireRoomForCopy(await tools.engine(), volume);
}

/** Of a server that has ended in good order: an older one's log is nothing for a newer one. */
export async function copyData(job: Job, hasEndedWell: boolean): Promise<void> {
  const { tools, input, context } = job;
  const { movesTo, project, service } = input;
  if (movesTo === null) return;
  if (!hasEndedWell) throw killed(service);
  const found = (await stackRelease(tools)).services.find(({ name }) => name === service);
  const to = {
    key: movesTo.key,
    name: copyNameOf(job, movesTo.key),
    owner: (found && userOf(found)) ?? '0:0',
    project,
    stackFolder: tools.paths.stack,
    operation: context.operation,
  };
  const from = volumeNameOf(tools.journal, project, movesTo.key);
  await copyVolume(await tools.engine(), from, to, job.mayEnd);
}

/** From now on the copy holds the data, whoever asks. */
export async function nameCopy(job: Job): Promise<void> {
  const { tools, input, context } = job;
  const { movesTo, project } = input;
  if (movesTo === null) return;
  const { journal } = tools;
  if (readDataFact(journal, project, 'moved')?.operation !== context.operation) {
    const before = { [movesTo.key]: volumeNameOf(journal, project, movesTo.key) };
    writeDataFact(journal, project, 'moved', { operation: context.operation, before });
  }
  await nameVolumes(tools, project, { [movesTo.key]: copyNameOf(job, movesTo.key) });
}

/** The volume of before holds the data again; what people wrote since is named where there is any. */
export async function nameOld(job: Job, isWritten: boolean): Promise<void> {
  const { tools, input, context } = job;
  const { movesTo, project, service } = input;
  const moved = readDataFact(tools.journal, project, 'moved');
  const old = movesTo === null ? undefined : moved?.before[movesTo.key];
  if (movesTo === null || old === undefined || moved?.operation !== context.operation) return;
  const now = volumeNameOf(tools.journal, project, movesTo.key);
  if (now === old) return;
  if (isWritten)
    context.note(
      `Whatever was written to ${service} since it was replaced is in the volume ${now} alone. See \`onstead set-aside\`.`,
    );
  // Both have the transactions of before; with one name for what comes after them, two would be called the same.
  await endLineOfTransactions(await tools.engine(), old);
  await nameVolumes(tools, project, { [movesTo.key]: old });
}

/** A copy that nobody wrote to goes; another is set aside. */
export async function leaveCopy(job: Job, isWritten: boolean): Promise<void> {
  const { tools, input, context } = job;
  if (input.movesTo === null) return;
  const { key } = input.movesTo;
  const { operation } = context;
  if (isWritten) {
    const setAsideAt = tools.clock.now().toISOString();
    const report = { operation, setAsideAt, loss: null, volumes: { [key]: copyNameOf(job, key) }, files: [] };
    await writeAsideReport(tools, `${operation}-${input.service}`, report);
  } else {
    await removeVolumeMadeBy(await tools.engine(), copyNameOf(job, key), operation);
  }
  const moved = readDataFact(tools.journal, input.project, 'moved');
  if (moved?.operation === context.operation) clearDataFact(tools.journal, input.project, 'moved');
}

function killed(service: string): OnsteadError {
  return new OnsteadError('database.killed', `${service} did not end by itself and was killed.`, {
    next: 'Its data is not copied like this. See with `onstead logs` what kept it, then try again.',
  });
}

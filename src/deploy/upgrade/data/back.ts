// A data service becomes what it was: its image, its settings and, where nobody could write to the new one, its data to
// the byte. May be begun again at any point.

import { messageOf } from '../../../base/errors.ts';
import type { ContainerSummary } from '../../../engine/index.ts';
import { putVolumeFilesBack, readStack, volumeNameOfMount, writeStack } from '../../../stack/index.ts';
import { onCurrentVolumes } from '../../current-volumes.ts';
import { pointStack } from '../../points.ts';
import {
  askedOf,
  containersOfJob,
  endContainer,
  kindOfJob,
  PATIENCE_MS,
  raise,
  removeContainer,
  waitReady,
} from './containers.ts';
import { isUnheld, noticeWriters, writeJobRecord } from './forward.ts';
import type { Job } from './job.ts';
import { keptFilesOf, type DataRecord } from './record.ts';
import { leaveCopy, nameOld } from './volume.ts';
import { withSteering } from '../switch-steps.ts';

/** While requests wait. */
export async function goBack(job: Job, begun: DataRecord): Promise<void> {
  if (begun.isBack === true) return;
  const { tools, context } = job;
  const there = await containersOfJob(job);
  const fresh = begun.fresh ?? there.map(({ id }) => id).filter((id) => !begun.stale.includes(id));
  let record = await writeJobRecord(job, { ...begun, fresh });
  const leaving = there.filter(({ id }) => fresh.includes(id));
  for (const one of leaving) record = await noticeOthers(job, record, one);
  // What somebody wrote to it is worth the time that it takes to end in good order.
  const { endsWithinS, leavesWithinS } = kindOfJob(job);
  const withinS = record.isOpen === true || isUnheld(job) ? endsWithinS : leavesWithinS;
  for (const { id } of leaving) await endContainer(job, id, withinS);
  if (isUnheld(job)) record = await noticeWriters(job, record);
  if (leaving.length > 0) record = await writeJobRecord(job, { ...record, isEnded: true });
  await putFilesOfStackBack(job);
  await nameOld(job, record.isOpen === true);
  for (const { id } of leaving) {
    const volume = await volumeNameOfMount(await tools.engine(), id, kindOfJob(job).dataFolder);
    if (there.length === 1 && record.isOpen !== true) await putFilesBack(job, volume);
    await removeContainer(job, id);
  }
  job.stages.over('ended');
  const old = await raise(job, PATIENCE_MS);
  if (record.isOpen !== true) {
    const said = await kindOfJob(job).prove(askedOf(job, old), record.held ?? {}, false);
    context.note(`${job.input.service} is as it was: ${said}`);
  } else if (job.input.movesTo === null) {
    context.note(`${job.input.service} is what it was, with what was written to it since.`);
  }
  await waitReady(job, record.ready).catch((error: unknown) => context.note(messageOf(error)));
  job.stages.over('proven');
  await leaveCopy(job, record.isOpen === true);
  await writeJobRecord(job, { ...record, isBack: true });
}

/** Who does not wait at the edge, a worker say, may have written to a copy that would be thrown away. */
async function noticeOthers(
  job: Job,
  record: DataRecord,
  { id, status }: ContainerSummary,
): Promise<DataRecord> {
  const { hasMore } = kindOfJob(job);
  const isAsked = job.input.movesTo !== null && record.isOpen !== true && status === 'running';
  if (!isAsked || hasMore === undefined) return record;
  // One that does not answer took no writing either.
  const isMore = await hasMore(askedOf(job, id), record.held ?? {}).catch(() => false);
  return isMore ? writeJobRecord(job, { ...record, isOpen: true }) : record;
}

/** The volumes are those of now, and who answers at the edge stays as it is. */
async function putFilesOfStackBack({ tools, input, context }: Job): Promise<void> {
  const files = await readStack(pointStack(tools, context.operation));
  const named = onCurrentVolumes(tools.journal, input.project, files);
  await writeStack(tools.paths.stack, await withSteering(tools, named));
}

/** The new server may have written its files in its own way. */
async function putFilesBack(job: Job, volume: string | undefined): Promise<void> {
  const { tools, input, context } = job;
  if (!kindOfJob(job).keepsFiles || volume === undefined) return;
  const copy = keptFilesOf(tools, context.operation, input.service);
  await putVolumeFilesBack(await tools.engine(), volume, copy);
}

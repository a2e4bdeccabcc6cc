// A data service becomes what the stack's files say: looked at, ended, copied, started, proven. Begun again at any
// point it does what is left: an old container that is there is the sign that its data is the newest.

import type { ContainerSummary } from '../../../engine/index.ts';
import { keepVolumeFiles, volumeNameOfMount } from '../../../stack/index.ts';
import {
  askedOf,
  containersOfJob,
  endContainer,
  kindOfJob,
  raise,
  removeContainer,
  waitReady,
} from './containers.ts';
import type { Job } from './job.ts';
import { keptFilesOf, readRecord, writeRecord, type DataRecord, type Held } from './record.ts';
import { copyData, nameCopy, requireRoom } from './volume.ts';

const HEALTHY_WITHIN_MS = 5 * 60_000;

/** Well, and looked at where that needs no quiet. */
export async function prepare(job: Job, record: DataRecord): Promise<DataRecord> {
  const [old] = await staleOf(job, record);
  if (old === undefined || (old.status !== 'running' && record.held !== undefined)) return record;
  await requireRoom(job);
  const { containers } = await job.tools.engine();
  if (old.status !== 'running') await containers.start(old.id);
  await containers.waitHealthy([old.id], { timeoutMs: HEALTHY_WITHIN_MS, signal: job.context.signal });
  return kindOfJob(job).needsQuiet ? record : look(job, record, old.id);
}

/** While requests wait. Says what was proven. */
export async function goForward(job: Job, begun: DataRecord): Promise<string> {
  let record = begun;
  const stale = await staleOf(job, record);
  if (stale.length === 0 && record.isOpen === undefined && (await containersOfJob(job)).length > 0) {
    // A daemon that ended in the middle let requests go on: the new one may have been written to.
    record = await write(job, { ...record, isOpen: true });
  }
  for (const old of stale) record = await putAside(job, record, old);
  await nameCopy(job);
  const fresh = await raise(job);
  const said = await kindOfJob(job).prove(askedOf(job, fresh), record.held ?? {});
  job.stages.over('proven');
  await waitReady(job, record.ready);
  job.stages.over('app ready');
  await write(job, { ...record, isOpen: true });
  return said;
}

async function putAside(job: Job, before: DataRecord, old: ContainerSummary): Promise<DataRecord> {
  const { tools, input, context } = job;
  const kind = kindOfJob(job);
  const isRunning = old.status === 'running';
  const record = isRunning && kind.needsQuiet ? await look(job, before, old.id) : before;
  job.stages.over('looked at');
  if (isRunning) await kind.settle(askedOf(job, old.id));
  const hasEndedWell = await endContainer(job, old.id);
  if (!hasEndedWell) context.note(`${input.service} did not end by itself and was killed.`);
  job.stages.over('ended');
  const volume = await volumeNameOfMount(await tools.engine(), old.id, kind.dataFolder);
  if (kind.keepsFiles && volume !== undefined) {
    const copy = keptFilesOf(tools, context.operation, input.service);
    await keepVolumeFiles(await tools.engine(), volume, copy);
  }
  await copyData(job, hasEndedWell);
  job.stages.over('copied');
  await removeContainer(job, old.id);
  job.stages.over('removed');
  return record;
}

async function look(job: Job, record: DataRecord, id: string): Promise<DataRecord> {
  const held: Held = await kindOfJob(job).look(askedOf(job, id));
  return write(job, { ...record, held });
}

async function staleOf(job: Job, { stale }: DataRecord): Promise<ContainerSummary[]> {
  return (await containersOfJob(job)).filter(({ id }) => stale.includes(id));
}

function write({ tools, input, context }: Job, record: DataRecord): Promise<DataRecord> {
  return writeRecord(tools, context.operation, input.service, record);
}

export function readJobRecord({ tools, input, context }: Job): Promise<DataRecord | undefined> {
  return readRecord(tools, context.operation, input.service);
}

export const writeJobRecord = write;

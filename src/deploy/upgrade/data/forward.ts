// A data service becomes what the stack's files say: looked at, ended, copied, started, proven. Begun again at any
// point it does what is left: an old container that is there is the sign that its data is the newest.

import type { ContainerSummary } from '../../../engine/index.ts';
import { keepVolumeFiles, volumeNameOfMount } from '../../../stack/index.ts';
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
import type { Job } from './job.ts';
import { both } from './both.ts';
import { keptFilesOf, mayBeWritten, readRecord, writeRecord, type DataRecord } from './record.ts';
import { copyData, nameCopy, requireRoom } from './volume.ts';

const HEALTHY_WITHIN_MS = 5 * 60_000;

/**
 * Where it was written by an earlier attempt, or before a kill: requests went on in between, and from now on what they
 * wrote is no less worth than what was held.
 */
export async function noticeWriters(job: Job, record: DataRecord): Promise<DataRecord> {
  if (record.isOpen === true || !mayBeWritten(record, await containersOfJob(job))) return record;
  return write(job, { ...record, isOpen: true });
}

/** The limit came: requests go on while the work does. */
export function isUnheld({ tools, heldUntilMs }: Job): boolean {
  return tools.clock.monotonicMs() > heldUntilMs;
}

/** Well, and looked at as far as that needs no quiet. */
export async function prepare(job: Job, record: DataRecord): Promise<DataRecord> {
  const [old] = await staleOf(job, record);
  if (old === undefined || (old.status !== 'running' && record.held !== undefined)) return record;
  await requireRoom(job);
  const { containers } = await job.tools.engine();
  if (old.status !== 'running') await containers.start(old.id);
  await containers.waitHealthy([old.id], { timeoutMs: HEALTHY_WITHIN_MS, signal: job.context.signal });
  const kind = kindOfJob(job);
  if (kind.looksEarly === 'never') return record;
  const seen = await kind.look(askedOf(job, old.id), record.early);
  return write(job, { ...record, [kind.looksEarly === 'all' ? 'held' : 'early']: seen });
}

/** While requests wait. Says what was proven. */
export async function goForward(job: Job, begun: DataRecord): Promise<string> {
  let record = begun;
  for (const old of await staleOf(job, record)) record = await putAside(job, record, old);
  await nameCopy(job);
  const fresh = await raise(job, record.wasKilled === true ? PATIENCE_MS : job.input.answersWithinMs);
  if (isUnheld(job)) record = await write(job, { ...record, isOpen: true });
  const proof = kindOfJob(job).prove(askedOf(job, fresh), record.held ?? {}, record.isOpen === true);
  const said = await both(proof, waitReady(job, record.ready));
  job.stages.over('proven');
  await write(job, { ...record, isOpen: true });
  return said;
}

async function putAside(job: Job, before: DataRecord, old: ContainerSummary): Promise<DataRecord> {
  const { tools, input, context } = job;
  const kind = kindOfJob(job);
  const isRunning = old.status === 'running';
  let record = isRunning && kind.looksEarly !== 'all' ? await look(job, before, old.id) : before;
  job.stages.over('looked at');
  if (isRunning) await kind.settle(askedOf(job, old.id));
  const hasEndedWell = await endContainer(job, old.id);
  if (!hasEndedWell) {
    context.note(`${input.service} did not end by itself and was killed.`);
    record = await write(job, { ...record, wasKilled: true });
  }
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
  const held = await kindOfJob(job).look(askedOf(job, id), record.early);
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

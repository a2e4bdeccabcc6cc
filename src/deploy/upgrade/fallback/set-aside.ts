// What a way back takes out of the application without anybody having agreed is counted and kept: the database in the
// volume that it is in, the objects in a tar file, and a report that names both. Kept until another upgrade or rollback
// has succeeded.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder } from '../../../base/files.ts';
import type { StepContext } from '../../../journal/index.ts';
import { exportObjects } from '../../../stack/index.ts';
import { volumeNameOf } from '../../current-volumes.ts';
import { clearDataFact, readDataFact, type Moment } from '../../facts.ts';
import { lossInWords } from '../../loss-words.ts';
import { requirePointData, type PointData } from '../../point-data.ts';
import { lookAtPointLoss, type PointLoss } from '../../point-loss.ts';
import { asideFolder, hasAsideReport, writeAsideReport } from '../../set-aside.ts';
import { accessTo } from '../../steps/data-steps.ts';
import { healthyContainer, type DeployTools } from '../../tools.ts';
import { lossSince } from './moment.ts';

interface AtPoint {
  readonly project: string;
  readonly point: string;
}

/** While nobody writes, and before anything is restored. Told in the operation's story. */
export async function setNewerAside(tools: DeployTools, at: AtPoint, context: StepContext): Promise<void> {
  const { note, operation } = context;
  const data = await requirePointData(tools, at.point);
  // What cannot be asked is kept all the same: it is only not known how much it is.
  const loss = await lookAtPointLoss(tools, { ...at, signal: context.signal });
  const lost = lossInWords(loss, 'set-aside');
  if (lost.length === 0) return note('Nothing that people wrote is lost.');
  const volumes = readDataFact(tools.journal, at.project, 'restored')?.before ?? {};
  for (const line of lost) note(line);
  await keepAside(tools, at.project, context, { name: operation, loss, volumes, stores: data.stores });
}

/** What was written to the data of then, which is to leave again. */
export async function setMeanwhileAside(
  tools: DeployTools,
  { project, data, done }: { readonly project: string; readonly data: PointData; readonly done: Moment },
  context: StepContext,
): Promise<void> {
  const { note, operation, signal } = context;
  const loss = await lossSince(tools, project, done, data, signal);
  const lost = lossInWords(loss, 'set-aside');
  if (lost.length === 0) return note('Nobody wrote anything while the data of then was in place.');
  note('People wrote while the data of then was in place, and it does not go with the data of before.');
  for (const line of lost) note(line);
  const volumes = Object.fromEntries(
    data.databases.map(({ key }) => [key, volumeNameOf(tools.journal, project, key)]),
  );
  const name = meanwhileOf(operation);
  await keepAside(tools, project, context, { name, loss, volumes, stores: done.stores });
}

/** What was set aside is put in place again: its report says what is not so any more. */
export async function forgetNewerAside(where: Pick<DeployTools, 'paths'>, operation: string): Promise<void> {
  await rm(asideFolder(where, operation), { recursive: true, force: true });
}

/** Whether people wrote to the data of then, so that its volumes are kept. */
export function isMeanwhileAside(where: Pick<DeployTools, 'paths'>, operation: string): Promise<boolean> {
  return hasAsideReport(where, meanwhileOf(operation));
}

function meanwhileOf(operation: string): string {
  return `${operation}-meanwhile`;
}

async function keepAside(
  tools: DeployTools,
  project: string,
  { operation, signal, note }: StepContext,
  { name, loss, volumes, stores }: Aside,
): Promise<void> {
  const folder = asideFolder(tools, name);
  await ensureFolder(folder, 0o700);
  const files: string[] = [];
  for (const { service, cut } of stores) {
    const access = await accessTo(tools, await healthyContainer(tools, project, service, signal));
    const file = join(folder, `${service}.tar`);
    if ((await exportObjects(access, cut, file, signal)) > 0) files.push(file);
  }
  const setAsideAt = tools.clock.now().toISOString();
  await writeAsideReport(tools, name, { operation, setAsideAt, loss, volumes, files });
  const kept = [`the volume ${Object.values(volumes).join(', ')}`, ...files].join(' and ');
  note(`Until the next upgrade or rollback has succeeded this is kept: ${kept}. See \`onstead set-aside\`.`);
}

interface Aside {
  readonly name: string;
  readonly loss: PointLoss;
  readonly volumes: Readonly<Record<string, string>>;
  readonly stores: Moment['stores'];
}

/** A volume that this operation took out of use and in which nobody's writes are. */
export async function forgetWorthless(tools: DeployTools, project: string, operation: string): Promise<void> {
  const restored = readDataFact(tools.journal, project, 'restored');
  if (restored?.operation !== operation || restored.isOver !== true || restored.isBack === true) return;
  if (await hasAsideReport(tools, operation)) return;
  const engine = await tools.engine();
  for (const name of Object.values(restored.before)) await engine.volumes.remove(name);
  clearDataFact(tools.journal, project, 'restored');
}

export async function forgetSetAside({ paths }: Pick<DeployTools, 'paths'>): Promise<void> {
  await rm(paths.setAside, { recursive: true, force: true });
}

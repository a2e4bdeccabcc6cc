// What an automatic rollback takes out of the application is counted and kept: the newer database in its own volume,
// the newer objects in a tar file, and a report that names both. Kept until another upgrade or rollback has succeeded.

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder, writeFileAtomic } from '../../../base/files.ts';
import type { StepContext } from '../../../journal/index.ts';
import { exportObjects } from '../../../stack/index.ts';
import { clearFact, readFact } from '../../facts.ts';
import { lossInWords } from '../../loss-words.ts';
import { requirePointData } from '../../point-data.ts';
import { countPointLoss } from '../../point-loss.ts';
import { accessTo } from '../../steps/data-steps.ts';
import { healthyContainer, type DeployTools } from '../../tools.ts';

const REPORT = 'report.json';

/** While nobody writes, and before anything is restored. Told in the operation's story. */
export async function setNewerAside(
  tools: DeployTools,
  { project, point }: { readonly project: string; readonly point: string },
  { operation, signal, note }: StepContext,
): Promise<void> {
  const loss = await countPointLoss(tools, { project, point, signal });
  const lost = lossInWords(loss, 'set-aside');
  if (lost.length === 0) return note('Nothing that people wrote is lost.');
  const folder = join(tools.paths.setAside, operation);
  await ensureFolder(folder, 0o700);
  const { stores } = await requirePointData(tools, point);
  const files: string[] = [];
  for (const { service, cut } of stores) {
    const access = await accessTo(tools, await healthyContainer(tools, project, service, signal));
    const file = join(folder, `${service}.tar`);
    if ((await exportObjects(access, cut, file, signal)) > 0) files.push(file);
  }
  const volumes = readFact(tools.journal, 'restored')?.before ?? {};
  const report = { operation, setAsideAt: tools.clock.now().toISOString(), loss, volumes, files };
  await writeFileAtomic(join(folder, REPORT), `${JSON.stringify(report, null, 1)}\n`);
  const kept = [`the volume ${Object.values(volumes).join(', ')}`, ...files].join(' and ');
  for (const line of lost) note(line);
  note(`Until the next upgrade or rollback has succeeded this is kept: ${kept}.`);
}

/** A volume that this operation took out of use and in which nobody's writes are. */
export async function forgetWorthless(tools: DeployTools, operation: string): Promise<void> {
  const restored = readFact(tools.journal, 'restored');
  if (restored?.operation !== operation || restored.isOver !== true) return;
  if (existsSync(join(tools.paths.setAside, operation, REPORT))) return;
  const engine = await tools.engine();
  for (const name of Object.values(restored.before)) await engine.volumes.remove(name);
  clearFact(tools.journal, 'restored');
}

export async function forgetSetAside({ paths }: Pick<DeployTools, 'paths'>): Promise<void> {
  await rm(paths.setAside, { recursive: true, force: true });
}

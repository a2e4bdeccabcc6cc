// Clears away data of the past that nobody holds any more; versions of objects go by and by (object-versions.ts). What goes
// follows from what is held, so that whatever a kill left is found and cleared the next time. Only at the data: see
// data-turn.ts.

import { endClones, pointsWithCopies, removePointCopies, volumesOfKey } from '../stack/index.ts';
import { otherVolumes } from './current-volumes.ts';
import { readFact } from './facts.ts';
import { heldData } from './holders.ts';
import { databasesOf } from './point-data.ts';
import { stackRelease } from './stack-files.ts';
import { containerIfWell, type DeployTools } from './tools.ts';

/** Copies of databases that no holder needs. */
export async function forgetUnheldCopies(tools: DeployTools, signal: AbortSignal): Promise<void> {
  const project = readFact(tools.journal, 'installed')?.project;
  if (project === undefined) return;
  const engine = await tools.engine();
  const { copies } = await heldData(tools, project);
  const gone = (await pointsWithCopies(engine, project)).filter((name) => !copies.includes(name));
  if (gone.length === 0) return;
  for (const { service } of databasesOf((await stackRelease(tools)).services)) {
    const container = await containerIfWell(tools, project, service);
    if (container !== undefined) await endClones({ engine, clock: tools.clock, container });
  }
  for (const name of gone) {
    signal.throwIfAborted(); // the next one does what is left
    await removePointCopies(engine, project, name);
  }
}

/** Volumes that hold neither the data of now nor what a holder needs. Returns their names. */
export async function forgetUnheldVolumes(tools: DeployTools, project: string): Promise<string[]> {
  const engine = await tools.engine();
  const { volumes: needed } = await heldData(tools, project);
  const removed: string[] = [];
  for (const [key, name] of Object.entries(otherVolumes(tools.journal, project))) {
    const old = (await volumesOfKey(engine, project, key)).filter(
      (one) => one !== name && !needed.includes(one),
    );
    for (const one of old) await engine.volumes.remove(one);
    removed.push(...old);
  }
  return removed;
}

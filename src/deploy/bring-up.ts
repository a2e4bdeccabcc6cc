// What the daemon does with the stack as a whole, each under the one lock: an operation's changes, and bringing up
// what a reboot, a crash or an engine that went away left down.

import {
  holdStack,
  isWhole,
  markChanging,
  markWhole,
  raiseStack,
  readStackRelease,
  rejoinEdge,
  reopenSecrets,
} from '../stack/index.ts';
import type { DeployTools } from './tools.ts';

/** A crash in here leaves the mark; whoever finds nothing under way any more removes it. */
export function changeStack(
  { paths, journal }: DeployTools,
  operation: string,
  work: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const change = async (): Promise<void> => {
    await markChanging(paths, operation);
    await work();
    if (journal.unfinished().length === 0) await markWhole(paths);
  };
  const onWait = (): void => journal.note(operation, null, 'Waiting: somebody else is changing the stack.');
  return holdStack(paths, change, { signal, onWait });
}

/** Waits for an operation that is under way: that sees to its services by itself. */
export function bringUp(tools: DeployTools, signal: AbortSignal): Promise<void> {
  const { paths, clock, compose, engine, log, settings } = tools;
  const raise = async (): Promise<void> => {
    await clearOldMark(tools);
    const release = await readStackRelease(paths);
    if (release === undefined) return;
    const stale = await reopenSecrets(paths, release, clock);
    const project = async (): Promise<string> => settings().project ?? release.product;
    if (await rejoinEdge({ engine: await engine(), release, stackFolder: paths.stack, project })) {
      log.info('the edge goes by the name of the app again');
    }
    const changes = await raiseStack(await compose(), { isWhole: isWhole(paths), stale, signal });
    const reopened = stale !== undefined;
    if (reopened || changes > 0) log.info({ reopened, changes }, 'the stack was brought up');
  };
  return holdStack(paths, raise, { signal });
}

/** A daemon that was killed just after its operation's end had no time to remove the mark. */
export async function clearOldMark({ paths, journal }: DeployTools): Promise<void> {
  if (journal.unfinished().length === 0) await markWhole(paths);
}

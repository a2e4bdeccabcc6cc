// What the daemon does with the stack as a whole, each under the one lock: an operation's changes, and bringing up
// what a reboot, a crash or an engine that went away left down. What only copies goes on beside it, without the lock.

import { endOrphans } from '../base/orphans.ts';
import {
  isWhole,
  lockStack,
  markChanging,
  markWhole,
  raiseStack,
  readStackRelease,
  rejoinEdge,
  reopenSecrets,
} from '../stack/index.ts';
import { putEdgeRight } from './put-edge-right.ts';
import type { DeployTools } from './tools.ts';

/** In its lane. The journal sees to it that each has one operation at most. */
export function carryInLane(
  tools: DeployTools,
  operation: string,
  work: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { lane } = tools.journal.get(operation);
  return lane === 'stack' ? changeStack(tools, operation, work, signal) : copyBeside(tools, work);
}

/** What an earlier process left running ends; whatever goes on in this one, or in another that lives, does not. */
async function copyBeside({ paths }: DeployTools, work: () => Promise<void>): Promise<void> {
  await endOrphans(paths.state);
  await work();
}

/** A crash in here leaves the mark; whoever finds nothing under way any more removes it. */
function changeStack(
  tools: DeployTools,
  operation: string,
  work: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { paths, journal } = tools;
  const change = async (): Promise<void> => {
    await markChanging(paths, operation);
    await putEdgeRight(tools);
    await work();
    if (journal.unfinished('stack').length === 0) await markWhole(paths);
  };
  const onWait = (): void => journal.note(operation, null, 'Waiting: somebody else is changing the stack.');
  return lockStack(paths, change, { signal, onWait });
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
  return lockStack(paths, raise, { signal });
}

/** A daemon that was killed just after its operation's end had no time to remove the mark. */
export async function clearOldMark({ paths, journal }: DeployTools): Promise<void> {
  if (journal.unfinished('stack').length === 0) await markWhole(paths);
}

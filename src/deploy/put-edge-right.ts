// An operation that goes on after a reboot, or with an engine that was restarted, first sees to it that the edge names who
// it means: what it waits for next may take minutes.

import { readStackRelease, rejoinEdge } from '../stack/index.ts';
import type { DeployTools } from './tools.ts';

/** For whoever holds the stack, and holds no requests. What cannot be put right now is seen to by what comes next. */
export async function putEdgeRight(tools: DeployTools): Promise<void> {
  const { log, paths, settings } = tools;
  try {
    const release = await readStackRelease(paths);
    if (release === undefined) return;
    const project = async (): Promise<string> => settings().project ?? release.product;
    const rejoining = { engine: await tools.engine(), release, stackFolder: paths.stack, project };
    if (await rejoinEdge(rejoining)) log.info('the edge names replicas where they are now');
  } catch (error) {
    log.warn({ err: error }, 'the edge could not be put right');
  }
}

// The tools of an installation, aimed at the scratch stack: the same executors work there.

import type { DeployTools } from '../tools.ts';

export function scratchTools(tools: DeployTools): DeployTools {
  const { scratch, scratchUnsealed } = tools.paths;
  return {
    ...tools,
    paths: { ...tools.paths, stack: scratch, unsealed: scratchUnsealed },
    compose: () => tools.composeOf(scratch),
  };
}

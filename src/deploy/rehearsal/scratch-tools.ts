// The tools of an installation, aimed at a scratch stack: the same executors work there.

import { scratchPlaceOf, type ScratchKind } from '../../stack/index.ts';
import type { DeployTools } from '../tools.ts';

export function scratchTools(tools: DeployTools, kind: ScratchKind): DeployTools {
  const { stack, unsealed } = scratchPlaceOf(tools.paths, kind);
  return {
    ...tools,
    paths: { ...tools.paths, stack, unsealed },
    compose: () => tools.composeOf(stack),
  };
}

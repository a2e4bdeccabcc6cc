// For crash tests: ends this process the hard way at one named point, as a power cut would.

import type { DaemonOptions } from './daemon.ts';

/** `ONSTEAD_FAULT=load-images:after` kills the daemon between loading the images and recording it. */
export function faultFrom(env: NodeJS.ProcessEnv): Pick<DaemonOptions, 'fault'> {
  const wanted = env['ONSTEAD_FAULT'];
  if (wanted === undefined) return {};
  return {
    fault: (_operation, step, point) => {
      if (`${step}:${point}` === wanted) process.kill(process.pid, 'SIGKILL');
    },
  };
}

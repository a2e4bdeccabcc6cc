// For crash tests: ends this process the hard way at one named point, as a power cut would.

/** `ONSTEAD_FAULT=load-images:after` kills the daemon between loading the images and recording it. */
export function faultFrom(
  env: NodeJS.ProcessEnv,
): ((operation: string, step: string, point: string) => void) | undefined {
  const wanted = env['ONSTEAD_FAULT'];
  if (wanted === undefined) return undefined;
  return (_operation, step, point) => {
    if (`${step}:${point}` === wanted) process.kill(process.pid, 'SIGKILL');
  };
}

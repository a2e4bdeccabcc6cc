// For crash tests: ends this process the hard way at one named point, as a power cut would.

/** `ONSTEAD_FAULT=6/load-images:after` kills the daemon between the effect of the sixth step and its record. */
export function faultFrom(
  env: NodeJS.ProcessEnv,
): ((operation: string, step: string, point: string, n: number) => void) | undefined {
  const wanted = env['ONSTEAD_FAULT'];
  if (wanted === undefined) return undefined;
  return (_operation, step, point, n) => {
    if (`${n}/${step}:${point}` === wanted) process.kill(process.pid, 'SIGKILL');
  };
}

// For crash tests: ends this process the hard way at one named point, as a power cut would.

/** `ONSTEAD_FAULT=6/load-images:after` kills the daemon between the effect of the sixth step and its record.
 * Several points are separated by commas; the first that is reached counts. */
export function faultFrom(
  env: NodeJS.ProcessEnv,
): ((operation: string, step: string, point: string, n: number) => void) | undefined {
  const wanted = env['ONSTEAD_FAULT']?.split(',');
  if (wanted === undefined) return undefined;
  return (_operation, step, point, n) => {
    if (wanted.includes(`${n}/${step}:${point}`)) process.kill(process.pid, 'SIGKILL');
  };
}

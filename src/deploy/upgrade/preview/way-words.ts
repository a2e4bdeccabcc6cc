// How a service's replicas are replaced, in a line for people. Pure.

import { formatDuration } from '../../../base/units.ts';
import type { ServiceWay } from '../replace-plan.ts';

export function inWords(
  { strategy, replicas, stages, isBehindEdge }: ServiceWay,
  keepWarmMs: number,
): string {
  const { stale, fresh } = replicas;
  const count = stale === fresh ? `${fresh}` : `${stale} → ${fresh}`;
  const many = `${count} ${fresh === 1 ? 'replica' : 'replicas'}`;
  if (!isBehindEdge || strategy === 'rolling') return `${many}, one after the other, new before old`;
  if (strategy === 'blue-green') {
    const warm = keepWarmMs === 0 ? '' : `, the old kept warm for ${formatDuration(keepWarmMs)}`;
    return `${count} new beside the old and tried there, then all requests at once${warm}`;
  }
  const shares = stages.flatMap(({ to }) => (to.freshShare === null ? [] : [to.freshShare]));
  const rest = shares.at(-1) === 100 ? '' : ', then one after the other';
  return `${many}, the new asked for ${shares.join(', ')} % of the requests${rest}`;
}

// Lines of several replicas as one stream.

import type { LogMessage } from './schemas.ts';

/** Nobody knows what another one will say next, so nothing waits for it. */
export async function* mergeAsTheyCome<T>(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const pending = new Map(sources.map((source) => [source, source.next()]));
  while (pending.size > 0) {
    const [source, result] = await Promise.race(
      [...pending].map(async ([one, next]) => [one, await next] as const),
    );
    if (result.done === true) {
      pending.delete(source);
    } else {
      pending.set(source, source.next());
      yield result.value;
    }
  }
}

/** Each source is in order by itself; the oldest of their next lines comes first. */
export async function* mergeByTime(
  sources: readonly AsyncGenerator<LogMessage>[],
): AsyncGenerator<LogMessage> {
  const heads = await Promise.all(sources.map(async (source) => ({ source, next: await source.next() })));
  for (;;) {
    const open = heads.filter(({ next }) => next.done !== true);
    const [first] = open.toSorted((a, b) => timeOf(a.next.value) - timeOf(b.next.value));
    if (first === undefined) return;
    yield first.next.value as LogMessage; // the ended ones were left out
    first.next = await first.source.next();
  }
}

/** A line without a time stays where its replica said it. */
function timeOf(line: LogMessage | undefined): number {
  const time = Date.parse(line?.at ?? '');
  return Number.isNaN(time) ? 0 : time;
}

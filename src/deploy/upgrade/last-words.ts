// What a container that did not make it said last goes into the operation's story: its own log goes with it. Of lines that
// say the same again and again, as those of probes do, the newest stand for all: the cause is in the others.

import type { StepContext } from '../../journal/index.ts';
import type { DeployTools } from '../tools.ts';

const LINES_READ = 500;
const LAST_WORDS = 20;
const ALIKE_KEPT = 2;

export async function keepLastWords(
  tools: DeployTools,
  id: string,
  name: string,
  { note }: Pick<StepContext, 'note'>,
): Promise<void> {
  const engine = await tools.engine();
  try {
    const lines: string[] = [];
    for await (const { line } of engine.containers.logs(id, { tail: LINES_READ })) lines.push(line);
    for (const line of tellingLines(lines)) note(`${name}: ${line}`);
  } catch (error) {
    tools.log.warn({ err: error }, 'the last words of a container could not be read');
  }
}

/** The last lines that differ in more than numbers and names of requests. */
export function tellingLines(lines: readonly string[]): string[] {
  const alike = new Map<string, number>();
  const kept: string[] = [];
  for (const line of lines.toReversed()) {
    const count = (alike.get(shapeOf(line)) ?? 0) + 1;
    alike.set(shapeOf(line), count);
    if (count <= ALIKE_KEPT) kept.unshift(line);
  }
  return kept.slice(-LAST_WORDS).map((line, at, all) => {
    const left = alike.get(shapeOf(line))! - ALIKE_KEPT;
    const isOldest = all.findIndex((one) => shapeOf(one) === shapeOf(line)) === at;
    return left > 0 && isOldest ? `${line} (and ${left} more like it before)` : line;
  });
}

function shapeOf(line: string): string {
  return line.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{16,}\b|\d+(\.\d+)*/gi, '#');
}

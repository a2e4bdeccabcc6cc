// What a container that did not make it said last goes into the operation's story: its own log goes with it.

import type { StepContext } from '../../journal/index.ts';
import type { DeployTools } from '../tools.ts';

const LAST_WORDS = 20;

export async function keepLastWords(
  tools: DeployTools,
  id: string,
  name: string,
  { note }: Pick<StepContext, 'note'>,
): Promise<void> {
  const engine = await tools.engine();
  try {
    for await (const { line } of engine.containers.logs(id, { tail: LAST_WORDS })) note(`${name}: ${line}`);
  } catch (error) {
    tools.log.warn({ err: error }, 'the last words of a container could not be read');
  }
}

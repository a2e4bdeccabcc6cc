// nginx takes up a new certificate or configuration by a signal; connections go on. It is believed when nginx has.

import { reloadEdge as reload } from '../stack/index.ts';
import { edgeOf } from './edge-of.ts';
import { readFact } from './facts.ts';
import type { DeployTools } from './tools.ts';

/** Where no nginx runs there is nobody to tell: its next start reads the files. */
export async function reloadEdge(tools: DeployTools, signal = new AbortController().signal): Promise<void> {
  if (readFact(tools.journal, 'installed') === undefined) return;
  await reload(await edgeOf(tools), signal);
}

// The vendor's own command in one container, which goes on by itself. A daemon that dies meanwhile finds it again by
// its name and waits for its end: it is never cut off, and never run twice at once.

import { isOnsteadError } from '../../base/errors.ts';
import type { Compose, ContainerFacts } from '../../engine/index.ts';
import type { StepContext } from '../../journal/index.ts';
import type { DeployTools } from '../tools.ts';

export interface OneOff {
  readonly name: string;
  readonly service: string;
  readonly command: readonly string[];
  readonly timeoutMs: number;
}

export interface End {
  /** Undefined where it took too long and was ended. */
  readonly code: number | undefined;
  readonly oomKilled: boolean;
  /** All of it, as far as the engine kept it. */
  readonly output: string;
  /** The last line that says something. */
  readonly last: string;
  /** The last lines, for a person. */
  readonly said: string;
}

const LINES_SHOWN = 200;
const LAST_LINES = 20;

/** What an earlier process of ours began and left, running or over. */
export async function leftOf(tools: DeployTools, name: string): Promise<ContainerFacts | undefined> {
  const left = await (await tools.engine()).containers.inspect(name);
  return left?.status === 'running' || left?.status === 'exited' ? left : undefined;
}

export async function begin(
  tools: DeployTools,
  compose: Compose,
  { name, service, command }: OneOff,
  signal: AbortSignal,
): Promise<void> {
  await removeOneOff(tools, name);
  await compose.begin({ service, name, command, signal });
}

/** To its end, from its first line on, and then without a trace. `onLine` hears what may be shown. */
export async function attend(
  tools: DeployTools,
  { name, timeoutMs }: OneOff,
  { signal }: StepContext,
  onLine: (line: string) => void = () => {},
): Promise<End> {
  const engine = await tools.engine();
  const words = new Words(onLine);
  const mask = (line: string): string => tools.secrets.mask(line);
  const options = { timeoutMs, signal, onLine: (line: string) => words.add(mask(line)) };
  const outcome = await engine.containers.outcome(name, options).catch((error: unknown) => {
    if (isOnsteadError(error, 'engine.run-timeout')) return undefined;
    throw error;
  });
  words.end();
  await removeOneOff(tools, name);
  const { code, oomKilled = false, output = '' } = outcome ?? {};
  return { code, oomKilled, output: mask(output), last: words.last, said: words.tail.join('\n').trim() };
}

export async function removeOneOff(tools: DeployTools, name: string): Promise<void> {
  const engine = await tools.engine();
  for (const { id } of await engine.containers.list({ name })) {
    await engine.containers.remove(id);
  }
}

/** Tells the beginning and the end of what is printed; a chatty command must not fill the disk. */
class Words {
  last = '';
  tail: readonly string[] = [];
  #count = 0;
  readonly #tell: (line: string) => void;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  add(line: string): void {
    this.#count += 1;
    if (line.trim() !== '') this.last = line;
    this.tail = [...this.tail, line].slice(-LAST_LINES);
    if (this.#count <= LINES_SHOWN) this.#tell(line);
  }

  end(): void {
    const unshown = this.#count - LINES_SHOWN;
    if (unshown <= 0) return;
    if (unshown > LAST_LINES) this.#tell(`… ${unshown - LAST_LINES} lines that are not kept …`);
    for (const line of this.tail.slice(-unshown)) this.#tell(line);
  }
}

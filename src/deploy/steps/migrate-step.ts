// The vendor's migration: one command in one container of the new image, which goes on by itself. A daemon that dies
// meanwhile finds it again by its name and waits for its end: it is never cut off, and never run twice at once.

import { isOnsteadError, OnsteadError } from '../../base/errors.ts';
import type { RunOutcome } from '../../engine/index.ts';
import type { Executor, StepContext } from '../../journal/index.ts';
import type { InstallSteps } from '../install-plan.ts';
import type { DeployTools } from '../tools.ts';

type Migration = InstallSteps['migrate'];

const LINES_SHOWN = 200;
const LAST_LINES = 20;

export function migrateStep(tools: DeployTools): Executor<Migration> {
  return {
    async apply(input, context) {
      const engine = await tools.engine();
      const id = await begunContainer(tools, input, context);
      const output = new Output(tools, context);
      const { timeoutMs } = input;
      const read = { timeoutMs, signal: context.signal, onLine: (line: string) => output.add(line) };
      const outcome = await engine.containers.outcome(id, read).catch(async (error: unknown) => {
        if (!isOnsteadError(error, 'engine.run-timeout')) throw error;
        await engine.containers.remove(id, { volumes: true });
        throw tooLong(timeoutMs, output);
      });
      output.end();
      await engine.containers.remove(id, { volumes: true });
      if (outcome.code === 0) return output.last;
      throw failure(outcome, output);
    },
    async undo(input, { operation }) {
      await removeBegun(tools, nameOf(input, operation));
    },
  };
}

/** The one that an earlier try began, unless the engine or the machine cut it off: then a new one. */
async function begunContainer(tools: DeployTools, input: Migration, context: StepContext): Promise<string> {
  const { operation, signal } = context;
  const { service, up } = input;
  const engine = await tools.engine();
  const name = nameOf(input, operation);
  const found = await engine.containers.inspect(name);
  if (found?.status === 'running' || (found?.status === 'exited' && !wasCutOff(found.exitCode))) {
    return found.id;
  }
  await removeBegun(tools, name);
  await (await tools.compose()).begin({ service, name, command: up, signal });
  return name;
}

/** Ended by a signal from outside (128 + its number), as a stop of the engine or of the machine does. */
function wasCutOff(exitCode: number): boolean {
  return exitCode > 128;
}

function nameOf({ project, service }: Migration, operation: string): string {
  return `${project}-migrate-${service}-${operation}`;
}

async function removeBegun(tools: DeployTools, name: string): Promise<void> {
  const engine = await tools.engine();
  for (const { id } of await engine.containers.list({ name })) {
    await engine.containers.remove(id, { volumes: true });
  }
}

/** The history keeps the beginning and the end of what it prints; a chatty one must not fill the disk. */
class Output {
  /** The last line that says something. */
  last = '';
  tail: readonly string[] = [];
  #count = 0;
  readonly #tools: DeployTools;
  readonly #context: StepContext;

  constructor(tools: DeployTools, context: StepContext) {
    this.#tools = tools;
    this.#context = context;
  }

  add(text: string): void {
    const line = this.#tools.secrets.mask(text);
    this.#count += 1;
    if (line.trim() !== '') this.last = line;
    this.tail = [...this.tail, line].slice(-LAST_LINES);
    if (this.#count <= LINES_SHOWN) this.#context.note(line);
  }

  end(): void {
    const unshown = this.#count - LINES_SHOWN;
    if (unshown <= 0) return;
    if (unshown > LAST_LINES) this.#context.note(`… ${unshown - LAST_LINES} lines that are not kept …`);
    for (const line of this.tail.slice(-unshown)) this.#context.note(line);
  }
}

function failure({ code, oomKilled }: RunOutcome, { tail }: Output): OnsteadError {
  const said = tail.join('\n').trim();
  const why = oomKilled ? 'it needed more memory than it may use' : said || `it ended with code ${code}`;
  return failed(`The migration failed: ${why}`, said);
}

function tooLong(timeoutMs: number, { tail }: Output): OnsteadError {
  return failed(`The migration failed: it took longer than ${timeoutMs / 1000} s.`, tail.join('\n').trim());
}

function failed(message: string, said: string): OnsteadError {
  return new OnsteadError('operation.migration-failed', message, {
    next: 'Send the output of `onstead operations show` to the vendor.',
    details: said === '' ? [] : [{ message: said }],
  });
}

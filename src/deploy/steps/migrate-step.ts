// The vendor's migration: one command in one container of the new image, which goes on by itself. A daemon that dies
// meanwhile finds it again by its name and waits for its end: it is never cut off, and never run twice at once.

import { isOnsteadError, OnsteadError } from '../../base/errors.ts';
import type { Compose, ContainerFacts } from '../../engine/index.ts';
import type { Executor, StepContext } from '../../journal/index.ts';
import { kindOf } from '../../stack/index.ts';
import type { InstallSteps } from '../install-plan.ts';
import { stackRelease } from '../stack-files.ts';
import { containersOf, healthyContainer, type DeployTools } from '../tools.ts';

type Migration = InstallSteps['migrate'];

const LINES_SHOWN = 200;
const LAST_LINES = 20;

export function migrateStep(tools: DeployTools): Executor<Migration> {
  return {
    async apply(input, context) {
      const engine = await tools.engine();
      const left = await engine.containers.inspect(nameOf(input, context.operation));
      if (left?.status === 'running' || left?.status === 'exited') {
        const end = await attend(tools, input, context);
        if (end.code === 0) return end.output.last;
        if (!(await wasInterrupted(tools, input, left, end.code))) throw failure(end);
        context.note('The migration was interrupted; it is run again.');
      }
      await begin(tools, input, context, await tools.compose());
      const end = await attend(tools, input, context);
      if (end.code === 0) return end.output.last;
      throw failure(end);
    },
    async undo(input, context) {
      await removeBegun(tools, nameOf(input, context.operation));
      if (input.down !== undefined) await takeBack(tools, { ...input, up: input.down }, context);
    },
  };
}

/** With the image that brought the migration: the one from before does not know it. */
async function takeBack(tools: DeployTools, input: Migration, context: StepContext): Promise<void> {
  await begin(tools, input, context, await tools.composeIn(tools.paths.stackNext));
  const end = await attend(tools, input, context);
  if (end.code !== 0) throw failure(end);
}

/** Ended by a signal from outside, or a data service was restarted under it, as by an engine that went away. */
async function wasInterrupted(
  tools: DeployTools,
  { project }: Migration,
  { started }: ContainerFacts,
  code: number,
): Promise<boolean> {
  if (code > 128) return true;
  const engine = await tools.engine();
  for (const service of await dataServices(tools)) {
    for (const { id } of await containersOf(tools, project, service)) {
      const facts = await engine.containers.inspect(id);
      // An engine that was killed may leave them down when it is back, or starts them again.
      if (facts?.status !== 'running' || isAfter(facts.started, started)) return true;
    }
  }
  return false;
}

function isAfter(left: Date | undefined, right: Date | undefined): boolean {
  return left !== undefined && right !== undefined && left > right;
}

async function dataServices(tools: DeployTools): Promise<string[]> {
  const { services } = await stackRelease(tools);
  return services.filter((one) => kindOf(one)?.dataFolder !== undefined).map(({ name }) => name);
}

async function begin(
  tools: DeployTools,
  input: Migration,
  context: StepContext,
  compose: Compose,
): Promise<void> {
  const { operation, signal } = context;
  const { service, up, project } = input;
  const name = nameOf(input, operation);
  await removeBegun(tools, name);
  for (const one of await dataServices(tools)) await healthyContainer(tools, project, one, signal);
  await compose.begin({ service, name, command: up, signal });
}

/** To its end, from its first line on, and then without a trace. */
async function attend(tools: DeployTools, input: Migration, context: StepContext): Promise<End> {
  const engine = await tools.engine();
  const name = nameOf(input, context.operation);
  const output = new Output(tools, context);
  const { timeoutMs } = input;
  const options = { timeoutMs, signal: context.signal, onLine: (line: string) => output.add(line) };
  const { code, oomKilled } = await engine.containers.outcome(name, options).catch(async (error: unknown) => {
    if (!isOnsteadError(error, 'engine.run-timeout')) throw error;
    await removeBegun(tools, name);
    throw tooLong(timeoutMs, output);
  });
  output.end();
  await removeBegun(tools, name);
  return { code, oomKilled, output };
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

interface End {
  readonly code: number;
  readonly oomKilled: boolean;
  readonly output: Output;
}

function failure({ code, oomKilled, output }: End): OnsteadError {
  const said = output.tail.join('\n').trim();
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

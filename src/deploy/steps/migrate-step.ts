// The vendor's migration, and the way back: `down` is run until the vendor's own `status` says what it said before.

import { join } from 'node:path';
import { OnsteadError } from '../../base/errors.ts';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../../base/files.ts';
import type { Compose, ContainerFacts } from '../../engine/index.ts';
import type { Executor, StepContext } from '../../journal/index.ts';
import { kindOf } from '../../stack/index.ts';
import type { InstallSteps } from '../install-plan.ts';
import { pointFolder, pointStack } from '../points.ts';
import { stackRelease } from '../stack-files.ts';
import { containersOf, healthyContainer, type DeployTools } from '../tools.ts';
import { attend, begin, leftOf, removeOneOff, type End, type OneOff } from './one-off.ts';

type Migration = InstallSteps['migrate'];

/** More migrations than one release brings. */
const DOWNS_AT_MOST = 50;

export function migrateStep(tools: DeployTools): Executor<Migration> {
  return {
    async apply(input, context) {
      const migration = oneOffOf(input, context.operation, 'migrate', input.up);
      const left = await leftOf(tools, migration.name);
      if (left !== undefined) {
        const end = await attend(tools, migration, context, context.note);
        if (end.code === 0) return end.last;
        if (!(await wasInterrupted(tools, input, left, end.code))) throw failure(end, input.timeoutMs);
        context.note('The migration was interrupted; it is run again.');
      }
      await dataServicesWell(tools, input, context);
      const compose = await tools.compose();
      await keepStatus(tools, input, context, compose);
      await begin(tools, compose, migration, context.signal);
      const end = await attend(tools, migration, context, context.note);
      if (end.code === 0) return end.last;
      throw failure(end, input.timeoutMs);
    },
    async undo(input, context) {
      const before = await readTextIfAny(statusFile(tools, input, context.operation));
      if (before === undefined) {
        // Nothing was begun, or there is no way back by itself and the data goes back as a whole.
        return removeOneOff(tools, oneOffOf(input, context.operation, 'migrate', input.up).name);
      }
      // With the image that brought the migration: the one from before does not know it.
      await takeBack(tools, input, context, {
        before,
        compose: await tools.composeIn(tools.paths.stackNext),
      });
    },
  };
}

/** On the way back from a release that was taken: its migrations go, with its own image, as they came. */
export function migrateDownStep(tools: DeployTools): Executor<Migration & { readonly point: string }> {
  return {
    async apply(input, context) {
      const before = await readTextIfAny(statusFile(tools, input, input.point));
      if (before === undefined) return 'nothing was migrated';
      const compose = await tools.composeIn(pointStack(tools, context.operation));
      await takeBack(tools, input, context, { before, compose });
      return undefined;
    },
    async undo(input, context) {
      const again = oneOffOf(input, context.operation, 'migrate', input.up);
      await leaveNothingRunning(tools, input, context);
      const compose = await tools.composeIn(pointStack(tools, context.operation));
      await dataServicesWell(tools, input, context);
      await begin(tools, compose, again, context.signal);
      const end = await attend(tools, again, context, context.note);
      if (end.code !== 0) throw failure(end, input.timeoutMs);
    },
  };
}

function oneOffOf(
  { project, service, timeoutMs }: Migration,
  operation: string,
  what: 'down' | 'migrate' | 'status',
  command: readonly string[],
): OneOff {
  return { name: `${project}-${what}-${service}-${operation}`, service, command, timeoutMs };
}

/** What stood before, in the vendor's words. Once: a migration that is begun again finds it changed. */
async function keepStatus(
  tools: DeployTools,
  input: Migration,
  context: StepContext,
  compose: Compose,
): Promise<void> {
  const path = statusFile(tools, input, context.operation);
  if (input.back === undefined || (await readTextIfAny(path)) !== undefined) return;
  await ensureFolder(pointFolder(tools, context.operation));
  await writeFileAtomic(path, await statusOf(tools, input, input.back.status, context, compose));
}

/** What stood at a point, in the vendor's words. */
function statusFile(tools: DeployTools, { service }: Migration, point: string): string {
  return join(pointFolder(tools, point), `migrations-of-${service}.txt`);
}

async function statusOf(
  tools: DeployTools,
  input: Migration,
  command: readonly string[],
  context: StepContext,
  compose: Compose,
): Promise<string> {
  const question = oneOffOf(input, context.operation, 'status', command);
  await begin(tools, compose, question, context.signal);
  const end = await attend(tools, question, context);
  if (end.code === 0) return end.output;
  throw failure(end, input.timeoutMs);
}

async function takeBack(
  tools: DeployTools,
  input: Migration,
  context: StepContext,
  { before, compose }: { readonly before: string; readonly compose: Compose },
): Promise<void> {
  if (input.back === undefined) return;
  const { down, status } = input.back;
  await leaveNothingRunning(tools, input, context);
  await dataServicesWell(tools, input, context);
  let seen = '';
  for (let turn = 0; turn < DOWNS_AT_MOST; turn += 1) {
    const now = await statusOf(tools, input, status, context, compose);
    if (now === before) return;
    if (now === seen) break; // `down` changes nothing any more
    seen = now;
    const step = oneOffOf(input, context.operation, 'down', down);
    await begin(tools, compose, step, context.signal);
    const end = await attend(tools, step, context, context.note);
    if (end.code !== 0) throw failure(end, input.timeoutMs);
  }
  throw failed('The migrations are not as they were before, and `down` takes nothing back any more.', seen);
}

/** What a daemon that was killed left running in the middle of a change is waited for: it is never cut off, nor joined. */
async function leaveNothingRunning(
  tools: DeployTools,
  input: Migration,
  context: StepContext,
): Promise<void> {
  for (const what of ['down', 'migrate'] as const) {
    const step = oneOffOf(input, context.operation, what, []);
    if ((await leftOf(tools, step.name)) !== undefined) await attend(tools, step, context, context.note);
  }
}

async function dataServicesWell(
  tools: DeployTools,
  { project }: Migration,
  { signal }: StepContext,
): Promise<void> {
  for (const one of await dataServices(tools)) await healthyContainer(tools, project, one, signal);
}

/** Ended by a signal from outside, or a data service was restarted under it, as by an engine that went away. */
async function wasInterrupted(
  tools: DeployTools,
  { project }: Migration,
  { started }: ContainerFacts,
  code: number | undefined,
): Promise<boolean> {
  if (code === undefined) return false;
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

function failure({ code, oomKilled, said }: End, timeoutMs: number): OnsteadError {
  if (code === undefined) {
    return failed(`The migration failed: it took longer than ${timeoutMs / 1000} s.`, said);
  }
  const why = oomKilled ? 'it needed more memory than it may use' : said || `it ended with code ${code}`;
  return failed(`The migration failed: ${why}`, said);
}

function failed(message: string, said: string): OnsteadError {
  return new OnsteadError('operation.migration-failed', message, {
    next: 'Send the output of `onstead operations show` to the vendor.',
    details: said === '' ? [] : [{ message: said }],
  });
}

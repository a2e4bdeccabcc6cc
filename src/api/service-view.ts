// The stack's services as people see them: replicas, health, restarts, and what they say.

import type { LogQuery } from './appliance.ts';
import type { LogMessage, ServiceAnswer } from './schemas.ts';
import { OnsteadError } from '../base/errors.ts';
import { containersOf, readFact, type DeployTools } from '../deploy/index.ts';
import type { ContainerFacts } from '../engine/index.ts';

/** What is meant to run here, as far as it is known without an engine. */
export function plannedServices({ journal }: DeployTools): ServiceAnswer[] {
  if (readFact(journal, 'installed') === undefined) return [];
  const planned = readFact(journal, 'sizing')?.services ?? [];
  return planned
    .map(({ name, role, replicas, memoryLimitBytes }) => ({
      ...{
        name,
        role: role ?? 'carried',
        image: '',
        wanted: replicas,
        well: 0,
        replicas: [],
        memoryLimitBytes,
      },
    }))
    .toSorted((a, b) => a.name.localeCompare(b.name));
}

export async function readServices(tools: DeployTools): Promise<ServiceAnswer[]> {
  const project = projectOf(tools);
  if (project === undefined) return [];
  const plan = readFact(tools.journal, 'sizing');
  const engine = await tools.engine();
  const containers = (await engine.containers.list({ project })).filter(({ oneOff }) => !oneOff);
  const names = new Set(containers.flatMap(({ service }) => (service === undefined ? [] : [service])));
  for (const { name } of plan?.services ?? []) names.add(name);
  return Promise.all(
    [...names].toSorted().map(async (name) => {
      const own = containers.filter(({ service }) => service === name);
      const facts = (await Promise.all(own.map(({ id }) => engine.containers.inspect(id)))).filter(
        (one) => one !== undefined,
      );
      const size = plan?.services.find((one) => one.name === name);
      return {
        name,
        role: own[0]?.labels['onstead.role'] ?? size?.role ?? 'carried',
        image: own[0]?.image ?? '',
        wanted: size?.replicas ?? 1,
        well: facts.filter(isWell).length,
        replicas: facts.map(replicaOf).toSorted((a, b) => a.container.localeCompare(b.container)),
        memoryLimitBytes: size?.memoryLimitBytes ?? facts[0]?.memoryLimitBytes ?? 0,
      };
    }),
  );
}

function isWell({ status, health }: ContainerFacts): boolean {
  return status === 'running' && (health === 'healthy' || health === 'none');
}

function replicaOf(facts: ContainerFacts): ServiceAnswer['replicas'][number] {
  return {
    container: facts.name,
    state: facts.status,
    health: facts.health,
    restarts: facts.restarts,
    since: facts.started?.toISOString() ?? null,
  };
}

function projectOf({ journal, settings }: DeployTools): string | undefined {
  return readFact(journal, 'installed')?.project ?? settings().project;
}

/** Lines of all replicas of a service, merged as they come. */
export async function* readLogs(
  tools: DeployTools,
  service: string,
  query: LogQuery,
): AsyncGenerator<LogMessage> {
  const project = projectOf(tools);
  const containers = project === undefined ? [] : await containersOf(tools, project, service);
  if (containers.length === 0) {
    throw new OnsteadError('service.unknown', `There is no service "${service}" here.`, {
      next: 'List them with `onstead services`.',
    });
  }
  const engine = await tools.engine();
  const sources = containers.map(({ id, name }) =>
    withName(
      engine.containers.logs(id, { tail: query.tail, follow: query.follow, signal: query.signal }),
      service,
      name,
    ),
  );
  if (query.follow) yield* merge(sources);
  else for (const source of sources) yield* source;
}

async function* withName(
  lines: AsyncIterable<{ stream: string; at: Date | string | undefined; line: string }>,
  service: string,
  container: string,
): AsyncGenerator<LogMessage> {
  for await (const { stream, at, line } of lines) {
    yield { service, container, stream, at: at instanceof Date ? at.toISOString() : (at ?? ''), line };
  }
}

async function* merge<T>(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
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

// The stack's services as people see them: replicas, health, restarts, and what they say.

import type { LogQuery } from './appliance.ts';
import type { LogMessage, ServiceAnswer } from './schemas.ts';
import { OnsteadError } from '../base/errors.ts';
import { containersOf, readFact, type DeployTools } from '../deploy/index.ts';
import type { ContainerFacts } from '../engine/index.ts';
import { holderName } from '../stack/index.ts';
import { mergeAsTheyCome, mergeByTime } from './log-merge.ts';

/** The stack as the engine shows it. */
export interface StackView {
  readonly services: ServiceAnswer[];
  /** The container that publishes the ports, where it runs. */
  readonly edge: ContainerFacts | undefined;
}

type Meant = Pick<ServiceAnswer, 'name' | 'role' | 'memoryLimitBytes'> & { readonly replicas: number };

/** What is meant to run here, whether or not there is a container of it: the release's services, and the edge. */
function meantServices({ journal }: DeployTools): Meant[] {
  const sized = (readFact(journal, 'sizing')?.services ?? []).map(
    ({ name, role, replicas, memoryLimitBytes }) => ({
      ...{ name, role: role ?? 'carried', replicas, memoryLimitBytes },
    }),
  );
  if (readFact(journal, 'installed') === undefined) return sized;
  return [...sized, { name: holderName, role: 'edge', replicas: 1, memoryLimitBytes: 0 }];
}

/** What is meant to run here, as far as it is known without an engine. */
export function plannedServices(tools: DeployTools): ServiceAnswer[] {
  if (readFact(tools.journal, 'installed') === undefined) return [];
  return meantServices(tools)
    .map(({ replicas, ...meant }) => ({ ...meant, image: '', wanted: replicas, well: 0, replicas: [] }))
    .toSorted((a, b) => a.name.localeCompare(b.name));
}

export async function readServices(tools: DeployTools): Promise<ServiceAnswer[]> {
  return (await readStack(tools)).services;
}

export async function readStack(tools: DeployTools): Promise<StackView> {
  const project = projectOf(tools);
  if (project === undefined) return { services: [], edge: undefined };
  const meant = new Map(meantServices(tools).map((one) => [one.name, one]));
  const engine = await tools.engine();
  const containers = (await engine.containers.list({ project })).filter(({ oneOff }) => !oneOff);
  const looks = containers.map(async ({ id, service }) => ({
    service,
    facts: await engine.containers.inspect(id),
  }));
  const looked = await Promise.all(looks);
  const factsOf = (name: string): ContainerFacts[] =>
    looked.flatMap(({ service, facts }) => (service === name && facts !== undefined ? [facts] : []));
  const names = new Set([...meant.keys(), ...containers.flatMap(({ service }) => service ?? [])]);
  return {
    services: [...names].toSorted().map((name) => serviceOf(name, factsOf(name), meant.get(name))),
    edge: factsOf(holderName).find(({ status }) => status === 'running'),
  };
}

function serviceOf(name: string, facts: readonly ContainerFacts[], meant: Meant | undefined): ServiceAnswer {
  const [first] = facts;
  return {
    name,
    role: first?.labels['onstead.role'] ?? meant?.role ?? 'carried',
    image: imagesOf(facts),
    wanted: meant?.replicas ?? 1,
    well: facts.filter(isWell).length,
    replicas: facts.map(replicaOf).toSorted((a, b) => a.container.localeCompare(b.container)),
    memoryLimitBytes: meant?.memoryLimitBytes || (first?.memoryLimitBytes ?? 0),
  };
}

/** While replicas are replaced there are two, the older one first; nobody is told that all run the new one. */
function imagesOf(facts: readonly ContainerFacts[]): string {
  const byAge = facts.toSorted((one, other) => (one.created < other.created ? -1 : 1));
  return [...new Set(byAge.map(({ image }) => image))].join(' and ');
}

function isWell({ status, health }: ContainerFacts): boolean {
  return status === 'running' && (health === 'healthy' || health === 'none');
}

/** The engine keeps the last health of a container that stopped, and when it was started; neither counts any more. */
function replicaOf(facts: ContainerFacts): ServiceAnswer['replicas'][number] {
  const isDown = facts.status === 'exited' || facts.status === 'dead';
  const since = isDown ? facts.finished : facts.started;
  return {
    container: facts.name,
    image: facts.image,
    state: facts.status,
    health: isDown ? 'none' : facts.health,
    restarts: facts.restarts,
    since: since?.toISOString() ?? null,
  };
}

function projectOf({ journal, settings }: DeployTools): string | undefined {
  return readFact(journal, 'installed')?.project ?? settings().project;
}

/** Lines of all replicas of a service in the order of their time; those to come, as they come. */
export async function* readLogs(
  tools: DeployTools,
  service: string,
  query: LogQuery,
): AsyncGenerator<LogMessage> {
  const project = projectOf(tools);
  const containers = project === undefined ? [] : await containersOf(tools, project, service);
  if (containers.length === 0) {
    throw noContainer(tools, service);
  }
  const engine = await tools.engine();
  const sources = containers.map(({ id, name }) =>
    withName(
      engine.containers.logs(id, { tail: query.tail, follow: query.follow, signal: query.signal }),
      service,
      name,
    ),
  );
  yield* query.follow ? mergeAsTheyCome(sources) : mergeByTime(sources);
}

function noContainer(tools: DeployTools, service: string): OnsteadError {
  if (!meantServices(tools).some(({ name }) => name === service)) {
    return new OnsteadError('service.unknown', `There is no service "${service}" here.`, {
      next: 'List them with `onstead services`.',
    });
  }
  return new OnsteadError(
    'service.no-container',
    `The service "${service}" has no container, so nothing it said is kept.`,
    { next: '`onstead boot` brings it back; if it does not, `onstead install BUNDLE` does.' },
  );
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

// What the executors work with. The daemon makes one of these; nothing in this room makes its own.

import type { Clock } from '../base/clock.ts';
import { OnsteadError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Paths } from '../base/paths.ts';
import type { Compose, ContainerFacts, Engine } from '../engine/index.ts';
import type { Journal } from '../journal/index.ts';
import type { MachineFacts } from '../machine/index.ts';
import type { DataHolder, SecretStore, Settings } from '../stack/index.ts';
import type { BundleShelf } from './bundle-shelf.ts';

const HEALTHY_WITHIN_MS = 5 * 60_000;
const LOOK_EVERY_MS = 1_000;

export interface DeployTools {
  readonly journal: Journal;
  readonly paths: Paths;
  readonly clock: Clock;
  readonly log: Logger;
  readonly secrets: SecretStore;
  readonly bundles: BundleShelf;
  readonly settings: () => Settings;
  readonly engine: () => Promise<Engine>;
  readonly compose: () => Promise<Compose>;
  /** The same stack, made from Compose files that lie in another folder. */
  readonly composeIn: (folder: string) => Promise<Compose>;
  /** Another stack, whose folder this is. */
  readonly composeOf: (folder: string) => Promise<Compose>;
  readonly machine: () => Promise<MachineFacts>;
  /** Who keeps data of the past beside restore points. */
  readonly holders?: readonly DataHolder[];
}

/** The containers of one service of the stack, running or not; one-off containers are left out. */
export async function containersOf(tools: DeployTools, project: string, service: string) {
  const engine = await tools.engine();
  const all = await engine.containers.list({ project, service });
  return all.filter(({ oneOff }) => !oneOff);
}

/** So that they are started anew with what is written next; what a crash leaves removed is started later all the same. */
export async function removeContainersOf(
  tools: DeployTools,
  project: string,
  services: readonly string[],
  patience: { readonly timeoutSeconds?: number } = {},
): Promise<void> {
  const engine = await tools.engine();
  for (const service of services) {
    for (const { id } of await containersOf(tools, project, service)) {
      await engine.containers.stop(id, patience);
      await engine.containers.remove(id);
    }
  }
}

/** The one container of a data service if it is well now. */
export async function containerIfWell(tools: DeployTools, project: string, service: string) {
  const all = await containersOf(tools, project, service);
  return all.find(({ status, health }) => status === 'running' && health === 'healthy')?.id;
}

/** The one container of a data service, well. An engine that is just back may have left it down, or not yet up. */
export async function healthyContainer(
  tools: DeployTools,
  project: string,
  service: string,
  signal: AbortSignal,
  withinMs = HEALTHY_WITHIN_MS,
): Promise<string> {
  const running = (await containersOf(tools, project, service)).find(({ status }) => status === 'running');
  if (running === undefined) {
    await (await tools.compose()).up({ services: [service], noDeps: true, signal });
  }
  const engine = await tools.engine();
  const id = running?.id ?? (await containersOf(tools, project, service))[0]?.id;
  if (id === undefined) {
    throw new OnsteadError('stack.not-running', `The service "${service}" does not run.`, {
      next: 'Run the installation again: it starts what is missing.',
    });
  }
  await engine.containers.waitHealthy([id], { timeoutMs: withinMs, signal });
  return id;
}

/** The same for whoever only reads. What does not run is not started: somebody may be about to put another in its place. */
export async function containerOnceWell(
  tools: DeployTools,
  project: string,
  service: string,
  signal: AbortSignal,
): Promise<string> {
  const giveUpAtMs = tools.clock.monotonicMs() + HEALTHY_WITHIN_MS;
  for (;;) {
    const well = await containerIfWell(tools, project, service);
    if (well !== undefined) return well;
    if (tools.clock.monotonicMs() > giveUpAtMs) {
      throw new OnsteadError('stack.not-running', `The service "${service}" is not well.`, {
        next: 'See with `onstead status` what it lacks, then try again.',
      });
    }
    await tools.clock.sleep(LOOK_EVERY_MS, signal);
  }
}

/**
 * A container's address, and the process in whose network it is reached: the machine itself has no way there. Where it
 * is in several networks: the address in the one that is named.
 */
export async function placeOf(
  tools: DeployTools,
  container: string,
  network?: string,
): Promise<{ readonly address: string; readonly networkOfPid: number }> {
  const engine = await tools.engine();
  const facts = await engine.containers.inspect(container);
  const known = facts?.networks.filter(({ ipv4 }) => ipv4 !== undefined) ?? [];
  const address = (network === undefined ? known[0] : known.find(({ name }) => name === network))?.ipv4;
  if (facts !== undefined && address !== undefined) return { address, networkOfPid: facts.pid };
  throw noAddress(facts, container);
}

function noAddress(facts: ContainerFacts | undefined, id: string): OnsteadError {
  const code = 'stack.no-address';
  if (facts?.status === 'running') {
    return new OnsteadError(code, `The container ${facts.name} has no address in the stack's network.`, {
      next: 'Run the installation again: it puts the networks right.',
    });
  }
  const what =
    facts === undefined
      ? `The container ${id} is gone.`
      : `The container ${facts.name} does not run: it is ${facts.status}, with exit code ${facts.exitCode}.`;
  return new OnsteadError(code, what, { next: 'See why with `onstead logs`; what it said last is there.' });
}

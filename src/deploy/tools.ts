// What the executors work with. The daemon makes one of these; nothing in this room makes its own.

import type { Clock } from '../base/clock.ts';
import { OnsteadError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Paths } from '../base/paths.ts';
import type { Compose, Engine } from '../engine/index.ts';
import type { Journal } from '../journal/index.ts';
import type { MachineFacts } from '../machine/index.ts';
import type { ReleaseService } from '../release/index.ts';
import type { SecretStore, Settings } from '../stack/index.ts';
import type { BundleShelf } from './bundle-shelf.ts';

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
  readonly machine: () => Promise<MachineFacts>;
}

/** The containers of one service of the stack, running or not; one-off containers are left out. */
export async function containersOf(tools: DeployTools, project: string, service: string) {
  const engine = await tools.engine();
  const all = await engine.containers.list({ project, service });
  return all.filter(({ oneOff }) => !oneOff);
}

/** The one running container of a data service. */
export async function runningContainer(
  tools: DeployTools,
  project: string,
  service: string,
): Promise<string> {
  const running = (await containersOf(tools, project, service)).find(({ status }) => status === 'running');
  if (running !== undefined) return running.id;
  throw new OnsteadError('stack.not-running', `The service "${service}" is not running.`, {
    next: `See why with \`onstead logs ${service}\`.`,
  });
}

/** A service's address, and the process in whose network it is reached: the machine itself has no way there. */
export async function placeOf(
  tools: DeployTools,
  project: string,
  service: string,
): Promise<{ readonly address: string; readonly networkOfPid: number }> {
  const engine = await tools.engine();
  const facts = await engine.containers.inspect(await runningContainer(tools, project, service));
  const address = facts?.networks.find(({ ipv4 }) => ipv4 !== undefined)?.ipv4;
  if (facts !== undefined && address !== undefined) return { address, networkOfPid: facts.pid };
  throw new OnsteadError(
    'stack.no-address',
    `The service "${service}" has no address in the stack's network.`,
    {
      next: 'Run the installation again: it puts the networks right.',
    },
  );
}

export function serviceNames(services: readonly ReleaseService[]): string[] {
  return services.map(({ name }) => name);
}

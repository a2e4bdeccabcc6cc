// Networks.

import type { NetworkInspectInfo } from 'dockerode';
import type { Link } from './link.ts';

export interface NetworkFacts {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly internal: boolean;
  readonly subnets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Ids of the running containers on it; of inspections alone. */
  readonly containers: readonly string[];
}

export class Networks {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  async inspect(nameOrId: string): Promise<NetworkFacts | undefined> {
    const raw = await this.#link.callIfAny(`inspect network "${nameOrId}"`, (docker, abortSignal) =>
      docker.getNetwork(nameOrId).inspect({ abortSignal }),
    );
    return raw === undefined ? undefined : factsFrom(raw);
  }

  async list(filter: { readonly labels?: readonly string[] } = {}): Promise<readonly NetworkFacts[]> {
    const filters = filter.labels === undefined ? {} : { label: filter.labels };
    const raw = await this.#link.call('list networks', (docker, abortSignal) =>
      docker.listNetworks({ filters, abortSignal } as object),
    );
    return raw.map(factsFrom);
  }

  /** False where there was none. */
  async remove(nameOrId: string): Promise<boolean> {
    const answer = await this.#link.callIfAny(`remove network "${nameOrId}"`, async (docker, abortSignal) => {
      const network = docker.getNetwork(nameOrId);
      // An engine that was killed may remember endpoints of containers that are long gone; they keep the network.
      const { Containers: endpoints = {} } = (await network.inspect({ abortSignal })) as NetworkInspectInfo;
      for (const [id, { Name }] of Object.entries(endpoints)) {
        const isGone = await docker
          .getContainer(id)
          .inspect({ abortSignal })
          .then(
            () => false,
            () => true,
          );
        if (isGone) await network.disconnect({ Container: Name || id, Force: true, abortSignal });
      }
      await network.remove({ abortSignal });
      return true;
    });
    return answer ?? false;
  }
}

function factsFrom(raw: NetworkInspectInfo): NetworkFacts {
  return {
    id: raw.Id,
    name: raw.Name,
    driver: raw.Driver,
    internal: raw.Internal,
    subnets: (raw.IPAM?.Config ?? []).flatMap(({ Subnet }) => (Subnet === undefined ? [] : [Subnet])),
    labels: raw.Labels ?? {},
    containers: Object.keys(raw.Containers ?? {}),
  };
}

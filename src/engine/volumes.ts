// Named volumes.

import type { VolumeInspectInfo } from 'dockerode';
import type { Link } from './link.ts';

export interface VolumeFacts {
  readonly name: string;
  readonly driver: string;
  /** Where its files are on the host. */
  readonly mountpoint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly created: Date | undefined;
}

export class Volumes {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  async inspect(name: string): Promise<VolumeFacts | undefined> {
    const raw = await this.#link.callIfAny(`inspect volume "${name}"`, (docker, abortSignal) =>
      docker.getVolume(name).inspect({ abortSignal } as object),
    );
    return raw === undefined ? undefined : factsFrom(raw);
  }

  /** The one that is there already, or a new one. */
  async create(name: string, labels: Readonly<Record<string, string>> = {}): Promise<VolumeFacts> {
    await this.#link.call(`create volume "${name}"`, (docker, abortSignal) =>
      docker.createVolume({ _query: {}, _body: { Name: name, Labels: labels }, abortSignal }),
    );
    return (await this.inspect(name))!;
  }

  /** False where there was none. One in use is an `engine.conflict`. */
  async remove(name: string): Promise<boolean> {
    const answer = await this.#link.callIfAny(`remove volume "${name}"`, async (docker, abortSignal) => {
      await docker.getVolume(name).remove({ abortSignal } as object);
      return true;
    });
    return answer ?? false;
  }

  /** `labels`: `key` or `key=value`; all must match. */
  async list(filter: { readonly labels?: readonly string[] } = {}): Promise<readonly VolumeFacts[]> {
    const filters = filter.labels === undefined ? {} : { label: filter.labels };
    const raw = await this.#link.call('list volumes', (docker, abortSignal) =>
      docker.listVolumes({ filters, abortSignal } as object),
    );
    return (raw.Volumes ?? []).map(factsFrom);
  }
}

function factsFrom(raw: VolumeInspectInfo & { CreatedAt?: string }): VolumeFacts {
  return {
    name: raw.Name,
    driver: raw.Driver,
    mountpoint: raw.Mountpoint,
    labels: raw.Labels ?? {},
    created: raw.CreatedAt === undefined ? undefined : new Date(raw.CreatedAt),
  };
}

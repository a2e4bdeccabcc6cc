// What a preview needs to know of the appliance beside the plan: how much a copy of each database takes, and which image
// each service runs. Reads and changes nothing.

import { isOnsteadError } from '../../../base/errors.ts';
import { isDelta, type ReleaseService, type VerifiedBundle } from '../../../release/index.ts';
import { imageNameFor, measureDatabaseCopy } from '../../../stack/index.ts';
import { borrowedBytes } from '../../image-loads.ts';
import { containerIfWell, type DeployTools } from '../../tools.ts';

export interface Copies {
  readonly sizes: readonly { readonly service: string; readonly bytes: number }[];
  /** Why one could not be measured. */
  readonly troubles: readonly string[];
}

/** Of the databases as they run. */
export async function measureCopies(
  tools: DeployTools,
  project: string,
  services: readonly ReleaseService[],
): Promise<Copies> {
  const engine = await tools.engine();
  const sizes: { service: string; bytes: number }[] = [];
  const troubles: string[] = [];
  for (const { name: service } of services.filter(({ role }) => role === 'mysql')) {
    const container = await containerIfWell(tools, project, service);
    if (container === undefined) continue; // that it is down is said by itself
    try {
      const task = { engine, container, project, service, point: 'preview' };
      sizes.push({ service, bytes: (await measureDatabaseCopy(task)).neededBytes });
    } catch (error) {
      if (!isOnsteadError(error)) throw error;
      troubles.push(`${error.message} ${error.next ?? ''}`.trimEnd());
    }
  }
  return { sizes, troubles };
}

export async function runningImages(tools: DeployTools, project: string): Promise<Record<string, string>> {
  const containers = await (await tools.engine()).containers.list({ project });
  return Object.fromEntries(
    containers.flatMap(({ service, image, oneOff }) =>
      service === undefined || oneOff ? [] : [[service, image]],
    ),
  );
}

/** Room for the next stack, what the point keeps of this one, and the journal. */
export const STATE_BYTES = 64 * 1024 ** 2;

/** A store that keeps no chains of layers gives those that a delta left out back, through this folder. */
export async function stateBytesFor(
  tools: DeployTools,
  { index }: VerifiedBundle,
  project: string,
  images: readonly string[],
): Promise<number> {
  const { containerdStore } = await (await tools.engine()).info();
  if (!containerdStore || !isDelta(index)) return STATE_BYTES;
  const isThere = (image: (typeof index.images)[number]): boolean =>
    images.includes(imageNameFor(project, image));
  return STATE_BYTES + borrowedBytes(index.images, index.omits, isThere);
}

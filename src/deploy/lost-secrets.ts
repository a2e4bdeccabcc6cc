// Before an installation makes secrets: may it, or is there something that only the lost ones open?

import { readdir } from 'node:fs/promises';
import type { VerifiedBundle } from '../release/index.ts';
import { findStackParts, secretNamesOf } from '../stack/index.ts';
import { readFact } from './facts.ts';
import type { DeployTools } from './tools.ts';

/** The names of the volumes that each service keeps its data in, as they are now on the engine. */
export type VolumesOf = (service: string) => readonly string[];

export async function refuseLostSecrets(
  tools: DeployTools,
  { release }: VerifiedBundle,
  volumesOf: VolumesOf,
): Promise<void> {
  const { secrets } = tools;
  if (secrets.isEmpty && (await hadSecrets(tools))) throw secrets.lost();
  const lost = release.services
    .filter(({ name }) => volumesOf(name).length > 0)
    .flatMap((service) => secretNamesOf({ services: [service] }))
    .filter((name) => !secrets.has(name));
  if (lost.length > 0) throw secrets.lost([...new Set(lost)]);
}

/** All of these come after the secrets and are gone before them. */
async function hadSecrets({ engine, journal, paths }: DeployTools): Promise<boolean> {
  if (readFact(journal, 'installed') !== undefined) return true;
  if ((await readdir(paths.unsealed).catch(() => [])).length > 0) return true;
  return (await findStackParts(await engine(), paths.stack)).volumes.length > 0;
}

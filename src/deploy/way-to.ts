// From what is installed to what a bundle holds: allowed, the same, or refused with the way round.

import { checkNotOlder, checkUpgradePath, type UpgradePath, type VerifiedBundle } from '../release/index.ts';
import { readFact } from './facts.ts';
import { readSeen } from './seen-versions.ts';
import type { DeployTools } from './tools.ts';

export type Way = Exclude<UpgradePath, { readonly kind: 'refused' }>;

/** Throws what forbids it. */
export async function wayTo(tools: DeployTools, { release, signedBy }: VerifiedBundle): Promise<Way> {
  const { product, version } = release;
  const way = checkUpgradePath(readFact(tools.journal, 'installed'), release);
  if (way.kind === 'same') return way;
  const older = checkNotOlder(await readSeen(tools.paths), { keyId: signedBy.keyId, product, version });
  if (older !== undefined) throw older;
  if (way.kind === 'refused') throw way.error;
  return way;
}

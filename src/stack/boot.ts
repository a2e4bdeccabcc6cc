// Brings the stack back after a reboot, with nothing but its folder, the sealed secrets and the engine: the daemon
// may be disabled, or broken, and the customer's application still comes up.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { systemCode } from '../base/errors.ts';
import type { Paths } from '../base/paths.ts';
import type { Compose } from '../engine/index.ts';
import { parseRelease, type Release } from '../release/index.ts';
import { composeFile } from './folder.ts';
import { SecretStore } from './secret-store.ts';
import { isUnsealed, openedServices, unsealInto } from './unseal.ts';

/** The release whose files stand in the stack's folder; undefined where nothing is installed. */
export async function readStackRelease(paths: Paths): Promise<Release | undefined> {
  const path = join(paths.stack, composeFile);
  try {
    return parseRelease(await readFile(path, 'utf8'), path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Opens the secrets if memory has forgotten them. Returns whether it had. */
export async function reopenSecrets(paths: Paths, release: Release, clock: Clock): Promise<boolean> {
  const store = await SecretStore.open({ folder: paths.secrets, machineKeyPath: paths.machineKey, clock });
  const services = openedServices(release, store);
  if (await isUnsealed(paths.unsealed, services)) return false;
  await unsealInto(paths.unsealed, services);
  return true;
}

/**
 * Starts what does not run as the files say. Returns how many things had to change. In the middle of an operation the
 * files may be half of the next release: then only what is there already is started.
 */
export async function raiseStack(
  compose: Compose,
  options: { readonly isWhole: boolean; readonly signal?: AbortSignal },
): Promise<number> {
  const { isWhole, ...given } = options;
  if (!isWhole) return startWhatIsThere(compose, given);
  const pending = await compose.pending(given);
  if (pending.length > 0) await compose.up(given);
  return pending.length;
}

async function startWhatIsThere(compose: Compose, given: { readonly signal?: AbortSignal }): Promise<number> {
  const down = (await compose.ps()).filter(({ status, oneOff }) => status !== 'running' && !oneOff);
  const services = [...new Set(down.map(({ service }) => service))];
  if (services.length > 0) await compose.start({ ...given, services });
  return down.length;
}

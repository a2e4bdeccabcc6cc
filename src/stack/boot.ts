// Brings the stack back after a reboot, with nothing but its folder, the sealed secrets and the engine: the daemon
// may be disabled, or broken, and the customer's application still comes up.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { OnsteadError, systemCode } from '../base/errors.ts';
import type { Paths } from '../base/paths.ts';
import type { Compose } from '../engine/index.ts';
import { parseRelease, type Release } from '../release/index.ts';
import { composeFile, missingFiles } from './folder.ts';
import { SecretStore } from './secret-store.ts';
import { isUnsealed, openedServices, unsealInto, withoutFolder } from './unseal.ts';

/** The release whose files stand in the stack's folder; undefined where nothing is installed. */
export async function readStackRelease(paths: Paths): Promise<Release | undefined> {
  const path = join(paths.stack, composeFile);
  try {
    return parseRelease(await readFile(path, 'utf8'), path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    await checkWhole(paths.stack);
    return undefined;
  }
}

/** Opens the secrets if memory has forgotten them. Undefined where it had not; else whose folders were gone. */
export async function reopenSecrets(
  paths: Paths,
  release: Release,
  clock: Clock,
): Promise<readonly string[] | undefined> {
  const store = await SecretStore.open({ folder: paths.secrets, machineKeyPath: paths.machineKey, clock });
  const services = openedServices(release, store);
  if (await isUnsealed(paths.unsealed, services)) return undefined;
  const gone = withoutFolder(paths.unsealed, services);
  await unsealInto(paths.unsealed, services);
  return gone;
}

export interface RaiseOptions {
  readonly isWhole: boolean;
  /** Services whose running containers hold folders that are gone. */
  readonly stale?: readonly string[] | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Starts what does not run as the files say. Returns how many things had to change. In the middle of an operation the
 * files may be half of the next release: then only what is there already is started.
 */
export async function raiseStack(compose: Compose, options: RaiseOptions): Promise<number> {
  const { isWhole, stale = [], ...given } = options;
  const renewed = stale.length === 0 ? 0 : await startAnew(compose, stale, given);
  if (!isWhole) return renewed + (await startWhatIsThere(compose, given));
  await checkWhole(compose.folder);
  const pending = await compose.pending(given);
  if (pending.length > 0) await compose.up(given);
  return renewed + pending.length;
}

async function checkWhole(folder: string): Promise<void> {
  const missing = await missingFiles(folder);
  if (missing.length === 0) return;
  throw new OnsteadError('stack.incomplete', `In ${folder} is missing: ${missing.join(', ')}.`, {
    next: 'Put it back with `onstead install BUNDLE`, with the bundle that is installed.',
  });
}

async function startAnew(
  compose: Compose,
  stale: readonly string[],
  given: { readonly signal?: AbortSignal },
): Promise<number> {
  const running = (await compose.ps()).filter(
    ({ status, oneOff, service }) => status === 'running' && !oneOff && stale.includes(service),
  );
  const services = [...new Set(running.map(({ service }) => service))];
  if (services.length > 0) await compose.up({ ...given, services, noDeps: true, forceRecreate: true });
  return running.length;
}

async function startWhatIsThere(compose: Compose, given: { readonly signal?: AbortSignal }): Promise<number> {
  const down = (await compose.ps()).filter(({ status, oneOff }) => status !== 'running' && !oneOff);
  const services = [...new Set(down.map(({ service }) => service))];
  if (services.length > 0) await compose.start({ ...given, services });
  return down.length;
}

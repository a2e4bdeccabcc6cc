// Opens the secrets for the containers: one folder a service, in memory, readable by that service's user alone.
// Folders are mounted whole, so that a renewed file is seen without a restart.

import { chmod, chown, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../base/files.ts';
import type { Release, ReleaseService } from '../release/index.ts';
import type { SecretStore } from './secret-store.ts';
import { kindOf, userOf } from './services/index.ts';

export interface OpenedService {
  readonly service: string;
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  readonly files: Readonly<Record<string, string>>;
}

/** Every secret that the release's services ask for. */
export function secretNamesOf(release: Release): string[] {
  return [...new Set(release.services.flatMap(namesFor))].toSorted();
}

export function openedServices(release: Release, store: SecretStore): OpenedService[] {
  return release.services.map((service) => {
    const read = (name: string): string => store.get(name);
    const plain = Object.fromEntries(namesFor(service).map((name) => [name, read(name)]));
    return {
      service: service.name,
      owner: ownerOf(service),
      files: { ...plain, ...kindOf(service)?.secretFiles?.(read) },
    };
  });
}

export async function unsealInto(folder: string, services: readonly OpenedService[]): Promise<void> {
  await ensureFolder(folder, 0o700);
  for (const one of services) {
    const own = join(folder, one.service);
    await ensureFolder(own);
    // A service whose user is not known reads by the world's bit; the parent folder keeps the world out.
    const [folderMode, mode] = one.owner === undefined ? [0o555, 0o444] : [0o500, 0o400];
    for (const [name, text] of Object.entries(one.files)) {
      const owner = one.owner === undefined ? {} : { owner: one.owner };
      if ((await readTextIfAny(join(own, name))) !== text)
        await writeFileAtomic(join(own, name), text, { mode, ...owner });
    }
    for (const name of await readdir(own)) if (!(name in one.files)) await rm(join(own, name));
    await chmod(own, folderMode);
    if (one.owner !== undefined) await chown(own, one.owner.uid, one.owner.gid);
  }
}

/** True when every opened file is there as it should be. */
export async function isUnsealed(folder: string, services: readonly OpenedService[]): Promise<boolean> {
  for (const { service, files } of services) {
    for (const [name, text] of Object.entries(files)) {
      if ((await readTextIfAny(join(folder, service, name))) !== text) return false;
    }
  }
  return true;
}

function namesFor(service: ReleaseService): string[] {
  const declared = service.compose['secrets'];
  const names = Array.isArray(declared) ? declared.map(secretName) : [];
  return [...new Set([...names, ...(kindOf(service)?.secretNames ?? [])])];
}

function secretName(entry: unknown): string {
  if (typeof entry === 'string') return entry;
  return String((entry as { source?: unknown }).source);
}

function ownerOf(service: ReleaseService): OpenedService['owner'] {
  const [uid, gid] = (userOf(service) ?? '').split(':').map(Number);
  if (uid === undefined || !Number.isInteger(uid) || userOf(service) === undefined) return undefined;
  return { uid, gid: Number.isInteger(gid) ? gid! : uid };
}

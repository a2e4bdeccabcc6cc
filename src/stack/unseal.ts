// Opens the secrets for the containers: one folder a service, in memory, readable by that service's user alone.
// Folders are mounted whole, so that a renewed file is seen without a restart.

import { existsSync } from 'node:fs';
import { chmod, chown, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../base/files.ts';
import type { Release, ReleaseService } from '../release/index.ts';
import type { SecretStore } from './secret-store.ts';
import { kindOf, userOf } from './services/index.ts';
import { userIdsOf, type UserIds } from './user-ids.ts';

export interface OpenedService {
  readonly service: string;
  readonly owner: UserIds | undefined;
  readonly files: Readonly<Record<string, string>>;
}

/** Every secret that the release's services ask for, or those of one service. */
export function secretNamesOf({ services }: Pick<Release, 'services'>): string[] {
  return [...new Set(services.flatMap(namesFor))].toSorted();
}

/** Of a release whose secrets were made before: an empty store is a lost one. */
export function openedServices(release: Release, store: SecretStore): OpenedService[] {
  if (store.isEmpty && secretNamesOf(release).length > 0) throw store.lost();
  return release.services.map((service) => {
    const read = (name: string): string => store.get(name);
    const plain = Object.fromEntries(namesFor(service).map((name) => [name, read(name)]));
    return {
      service: service.name,
      owner: userIdsOf(userOf(service) ?? ''),
      files: { ...plain, ...kindOf(service)?.secretFiles?.(read) },
    };
  });
}

export async function unsealInto(folder: string, services: readonly OpenedService[]): Promise<void> {
  await ensureFolder(folder, 0o700);
  await chmod(folder, 0o700); // it may have been there before, open to all
  for (const one of services) {
    const own = join(folder, one.service);
    await ensureFolder(own);
    const { folderMode, fileMode: mode } = modesOf(one);
    for (const [name, text] of Object.entries(one.files)) {
      const owner = one.owner === undefined ? {} : { owner: one.owner };
      if (!(await isOpened(join(own, name), text, one))) {
        await writeFileAtomic(join(own, name), text, { mode, ...owner });
      }
    }
    for (const name of await readdir(own)) {
      if (!Object.hasOwn(one.files, name)) await rm(join(own, name));
    }
    await chmod(own, folderMode);
    if (one.owner !== undefined) await chown(own, one.owner.uid, one.owner.gid);
  }
}

/** Services whose folder is gone: a container of theirs that runs still holds the one that was deleted. */
export function withoutFolder(folder: string, services: readonly OpenedService[]): string[] {
  return services.map(({ service }) => service).filter((service) => !existsSync(join(folder, service)));
}

/** True when every opened file is there, as it should be, for the user who should read it. */
export async function isUnsealed(folder: string, services: readonly OpenedService[]): Promise<boolean> {
  for (const one of services) {
    const own = join(folder, one.service);
    if (!(await belongsTo(own, one, modesOf(one).folderMode))) return false;
    for (const [name, text] of Object.entries(one.files)) {
      if (!(await isOpened(join(own, name), text, one))) return false;
    }
  }
  return true;
}

/** A service whose user is not known reads by the world's bit; the parent folder keeps the world out. */
function modesOf({ owner }: OpenedService): { folderMode: number; fileMode: number } {
  return owner === undefined
    ? { folderMode: 0o555, fileMode: 0o444 }
    : { folderMode: 0o500, fileMode: 0o400 };
}

async function isOpened(path: string, text: string, one: OpenedService): Promise<boolean> {
  return (await readTextIfAny(path)) === text && (await belongsTo(path, one, modesOf(one).fileMode));
}

async function belongsTo(path: string, { owner }: OpenedService, mode: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || (found.mode & 0o777) !== mode) return false;
  return owner === undefined || (found.uid === owner.uid && found.gid === owner.gid);
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

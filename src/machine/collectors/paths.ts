// The folders of the appliance: can they be written, and what has an earlier install left in them.

import { access, constants } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { tmpdir } from 'node:os';
import { systemCode } from '../../base/errors.ts';
import type { PathsFacts } from '../facts.ts';
import type { Source } from '../source.ts';
import { mountOf, parseMountinfo } from '../parse/mounts.ts';
import { nearestExisting } from './disks.ts';
import type { Collector } from './context.ts';
import { printable } from '../printable.ts';

export const collectPaths: Collector<'paths'> = async (source, { paths }) => {
  const wanted = [
    paths.programs,
    paths.state,
    dirname(paths.settings),
    dirname(paths.socket),
    dirname(paths.unsealed),
    tmpdir(),
  ];
  const folders: PathsFacts['folders'] = [];
  for (const path of new Set(wanted)) folders.push(await writabilityOf(source, path));
  return {
    folders,
    opened: await openedAt(source, paths.unsealed),
    previous: {
      versions: (await source.list(paths.programs))
        .filter((name) => /^\d/.test(name))
        .map((name) => printable(name)),
      current: await currentVersion(source, join(paths.programs, 'current')),
      database: await source.exists(paths.database),
      machineKey: await source.exists(paths.machineKey),
      secrets: (await source.list(paths.secrets)).length > 0,
      stack: (await source.list(paths.stack)).length > 0,
    },
  };
};

async function openedAt(source: Source, path: string): Promise<PathsFacts['opened']> {
  const mounts = parseMountinfo((await source.text('/proc/self/mountinfo')) ?? '');
  const mount = mountOf(mounts, await nearestExisting(source, path));
  return { path, filesystem: mount?.filesystem ?? null };
}

/** Asks without writing. For root this still tells a read-only file system. */
async function writabilityOf(source: Source, path: string): Promise<PathsFacts['folders'][number]> {
  const probedAt = await nearestExisting(source, path);
  const problem = await access(source.at(probedAt), constants.W_OK | constants.X_OK).then(
    () => null,
    (error: unknown) => reasonFor(systemCode(error)),
  );
  return { path, exists: probedAt === path, probedAt, problem };
}

function reasonFor(code: string | undefined): string {
  if (code === 'EROFS') return 'read-only file system';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  return code ?? 'unknown reason';
}

/** A link that leads nowhere is as good as none. */
async function currentVersion(source: Source, link: string): Promise<string | null> {
  const target = await source.real(link);
  return target === undefined ? null : printable(basename(target));
}

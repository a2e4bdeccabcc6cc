// One program out of a Debian package, fetched once a machine and not installed: no service starts, nothing is left.

import { access, chmod, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/base/process.ts';

/** `path` is where the package has it, without the first slash. Only for programs that need no other file. */
export async function debianProgram(packageName: string, path: string): Promise<string> {
  const kept = join(tmpdir(), `onstead-test-${packageName}`);
  if (await isThere(kept)) return kept;
  const folder = await mkdtemp(join(tmpdir(), `onstead-${packageName}-`));
  await chmod(folder, 0o777);
  await run('apt-get', ['download', packageName], { cwd: folder });
  const [file] = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
  await run('dpkg-deb', ['--extract', join(folder, file!), join(folder, 'files')]);
  await rename(join(folder, 'files', path), kept);
  await rm(folder, { recursive: true });
  return kept;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

// Onstead as it ships: compiled, and started by the launcher that travels in a bundle. What is measured of the daemon
// is measured of that, not of the sources.

import { spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { launcherText } from '../../src/release/index.ts';

/** Compiles into `folder`; resolves with the words that start it. */
export async function buildProgram(root: string, folder: string): Promise<readonly string[]> {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const built = spawnSync(
    process.execPath,
    [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', join(folder, 'dist')],
    { encoding: 'utf8' },
  );
  if (built.status !== 0) throw new Error(`The program does not compile: ${built.stdout}${built.stderr}`);
  await cp(join(root, 'package.json'), join(folder, 'package.json'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await mkdir(join(folder, 'bin'));
  await symlink(process.execPath, join(folder, 'bin/node'));
  await symlink(await composeBinary(), join(folder, 'bin/docker-compose'));
  const launcher = join(folder, 'bin/onstead');
  await writeFile(launcher, launcherText, { mode: 0o755 });
  return [launcher];
}

async function composeBinary(): Promise<string> {
  const folders = [
    join(process.env['HOME'] ?? '/root', '.docker/cli-plugins'),
    '/usr/local/lib/docker/cli-plugins',
    '/usr/libexec/docker/cli-plugins',
    '/usr/lib/docker/cli-plugins',
  ];
  for (const folder of folders) {
    const files: readonly string[] = await readdir(folder).catch(() => []);
    if (files.includes('docker-compose')) return join(folder, 'docker-compose');
  }
  throw new Error('Compose is not on this machine.');
}

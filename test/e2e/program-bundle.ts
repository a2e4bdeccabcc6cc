// Bundles with Onstead inside for tests of the installer. The program in them is this checkout, reached by small
// launchers, so that one of any version is made in a second; the quickstart's test installs a packed one.

import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeltaBase } from '../../src/release/index.ts';
import { demoBundle, type DemoBundle } from './demo-bundle.ts';

const checkout = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const installer = join(checkout, 'installer');

export async function programBundle(
  version: string,
  release = '1.0.0',
  bases: readonly DeltaBase[] = [],
): Promise<DemoBundle> {
  const folder = await mkdtemp(join(tmpdir(), 'program-'));
  try {
    const launchers = {
      'bin/node': `#!/bin/sh\nexec '${process.execPath}' "$@"\n`,
      'bin/onstead': `#!/bin/sh\n# Onstead ${version}\nexec '${process.execPath}' '${checkout}/src/main.ts' "$@"\n`,
    };
    await mkdir(join(folder, 'bin'));
    for (const [name, text] of Object.entries(launchers))
      await writeFile(join(folder, name), text, { mode: 0o755 });
    await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'onstead', version }, undefined, 2));
    await cp(installer, join(folder, 'installer'), { recursive: true });
    const mark = createHash('sha256').update(JSON.stringify([launchers, version, await installerText()]));
    const installerFile = join(installer, 'install.sh');
    return await demoBundle(release, undefined, { folder, installerFile, mark: mark.digest('hex') }, bases);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function installerText(): Promise<string> {
  const files = await readdir(installer, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  return (await Promise.all(paths.toSorted().map((path) => readFile(path, 'utf8')))).join('\0');
}

// The layer all images share: the C and C++ runtime, TLS, compression, and busybox for sh, sleep and wget.

import { execFileSync } from 'node:child_process';
import { keepFiles, libraryFolder } from '../closure.ts';
import type { PackagedFiles } from '../debian.ts';
import { link } from '../tree.ts';
import type { Tree } from '../tree.ts';
import { skeleton } from '../recipe.ts';

// Every package that the layer keeps from, so that it is the same whichever images are built beside it.
export const BASE_PACKAGES = [
  'base-files',
  'busybox-static',
  'libatomic1',
  'libc6',
  'libgcc-s1',
  'libssl3t64',
  'libstdc++6',
  'libzstd1',
  'zlib1g',
];

const SHARED = ['libc', 'libm', 'libdl', 'libpthread', 'librt', 'libresolv', 'libanl', 'libutil'];
const RUNTIME = ['libstdc++', 'libgcc_s', 'libatomic', 'libssl', 'libcrypto', 'libz', 'libzstd'];

// Applets that would shadow a real program of an image, or have no use in a container.
const NO_APPLET = new Set(['busybox', 'init', 'linuxrc', 'reboot', 'poweroff', 'halt', 'su', 'login']);

export function baseTree(files: PackagedFiles): Tree {
  const lib = libraryFolder();
  const keep = [
    ...[...SHARED, ...RUNTIME].map((name) => `${lib}/${name}.so*`),
    `${lib}/ld-linux*.so*`,
    'usr/lib64/ld-linux*',
    'usr/lib/ld-linux*',
    'usr/bin/busybox',
    'usr/lib/os-release',
    'etc/os-release',
    'etc/debian_version',
  ];
  const tree = new Map([...skeleton(), ...keepFiles(files, keep, new Map())]);
  const busybox = files.get('usr/bin/busybox')!;
  for (const applet of appletsOf(busybox.source)) tree.set(`usr/bin/${applet}`, link('busybox'));
  return tree;
}

function appletsOf(busybox: string): string[] {
  const names = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  return names.filter((name) => !NO_APPLET.has(name)).sort();
}

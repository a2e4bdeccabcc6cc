// Debian's packages without installing anything: a private apt state next to the host's, which is only read.
// The mirror is whatever the machine's own apt is configured with; apt checks the signatures as always.

import { existsSync, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { availableParallelism } from 'node:os';
import { OnsteadError } from '../../src/base/errors.ts';
import { run } from '../../src/base/process.ts';
import { formatBytes } from '../../src/base/units.ts';

export interface Package {
  readonly name: string;
  readonly version: string;
  /** The control file, as dpkg's status database keeps it. */
  readonly control: string;
  readonly folder: string;
}

export interface PackagedFile {
  readonly package: Package;
  /** Where it lies unpacked. */
  readonly source: string;
  readonly link: string | undefined;
  readonly mode: number;
  readonly size: number;
}

/** Path in the image (usr-merged, no leading slash) → file. */
export type PackagedFiles = ReadonlyMap<string, PackagedFile>;

export const SUITE = 'sid';

// What apt would add for maintainer scripts, init systems and tools that no image keeps.
const NEVER = /^lib(python|perl|systemd-shared|devmapper|pam|semanage|sepol|debconf|gdbm|db5|bpf|gtk|x11)/;

export async function unpackPackages(
  wanted: readonly string[],
  workFolder: string,
  say: (line: string) => void,
): Promise<PackagedFiles> {
  const apt = await privateApt(workFolder);
  say('reading the package index');
  await run('apt-get', [...apt, '-qq', 'update'], { timeoutMs: 300_000 });
  const names = await resolveNames(apt, wanted);
  const debs = await download(apt, names, join(workFolder, 'debs'), say);
  say(`unpacking ${names.length} packages`);
  return listFiles(await unpackAll(debs, join(workFolder, 'unpacked')));
}

/** Files that are there already are not fetched again; apt compares their checksums. */
async function download(
  apt: readonly string[],
  names: readonly string[],
  into: string,
  say: (line: string) => void,
): Promise<string[]> {
  await mkdir(into, { recursive: true });
  const plan = await run('apt-get', [...apt, 'download', '--print-uris', ...names], { cwd: into });
  // Each line: 'address' file-name size checksum. What is complete already has no line.
  const missing = [...plan.stdout.matchAll(/^'[^']*' (\S+) (\d+)/gm)];
  const bytes = missing.reduce((sum, match) => sum + Number(match[2]), 0);
  if (bytes > 0) say(`downloading ${missing.length} packages, ${formatBytes(bytes)}`);
  await run('apt-get', [...apt, '-qq', 'download', ...names], { cwd: into, timeoutMs: 900_000 });
  return newestOf(into, new Set(names));
}

async function newestOf(folder: string, names: ReadonlySet<string>): Promise<string[]> {
  const byName = new Map<string, { path: string; time: number }>();
  for (const file of await readdir(folder)) {
    const name = file.split('_')[0]!;
    if (!file.endsWith('.deb') || !names.has(name)) continue;
    const path = join(folder, file);
    const time = statSync(path).ctimeMs;
    const other = byName.get(name);
    if (other === undefined || other.time < time) byName.set(name, { path, time });
    if (other !== undefined) await rm(other.time < time ? other.path : path);
  }
  return [...byName.values()].map(({ path }) => path).sort();
}

export async function readMirror(): Promise<string> {
  const format = ['--format', '$(SITE)', 'Created-By: Packages'];
  const { stdout } = await run('apt-get', ['indextargets', ...format]);
  const sites = stdout.split('\n').map((line) => line.trim().replace(/\/$/, ''));
  // A security mirror serves no sid; the main archive's path ends with /debian everywhere.
  const mirror = sites.find((site) => site.endsWith('/debian')) ?? sites.find((site) => site !== '');
  if (mirror !== undefined) return mirror;
  throw new OnsteadError('images.mirror', "apt's configuration on this machine names no package mirror.", {
    next: 'Add a Debian mirror to /etc/apt/sources.list, then try again.',
  });
}

async function privateApt(workFolder: string): Promise<string[]> {
  for (const name of ['lists/partial', 'cache/archives/partial']) {
    await mkdir(join(workFolder, name), { recursive: true });
  }
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const signed = existsSync(keyring) ? `[signed-by=${keyring}] ` : '';
  await writeFile(join(workFolder, 'sources.list'), `deb ${signed}${await readMirror()} ${SUITE} main\n`);
  await writeFile(join(workFolder, 'status'), '');
  const options = {
    'Dir::Etc::sourcelist': join(workFolder, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State': workFolder,
    'Dir::State::lists': join(workFolder, 'lists'),
    'Dir::State::status': join(workFolder, 'status'),
    'Dir::Cache': join(workFolder, 'cache'),
    'APT::Install-Recommends': 'false',
    'APT::Default-Release': '',
    'Acquire::Languages': 'none',
    // A mirror may hold an index older than its validity says; its signature is still checked.
    'Acquire::Check-Valid-Until': 'false',
    'APT::Sandbox::User': 'root',
  };
  return Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}

async function resolveNames(apt: readonly string[], wanted: readonly string[]): Promise<string[]> {
  const { stdout } = await run('apt-get', [...apt, '-s', 'install', ...wanted], { timeoutMs: 120_000 });
  const all = [...stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]!);
  const isLibrary = (name: string): boolean => /^(lib|zlib1g$)/.test(name) && !NEVER.test(name);
  return all.filter((name) => wanted.includes(name) || isLibrary(name)).sort();
}

async function unpackAll(debs: readonly string[], into: string): Promise<Package[]> {
  await rm(into, { recursive: true, force: true });
  const queue = [...debs];
  const done: Package[] = [];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      done.push(await unpack(next, into));
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker));
  return done.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function unpack(deb: string, into: string): Promise<Package> {
  const control = (await run('dpkg-deb', ['-f', deb])).stdout;
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(control)?.[1] ?? '';
  const folder = join(into, field('Package'));
  await mkdir(folder, { recursive: true });
  await run('dpkg-deb', ['-x', deb, folder]);
  const status = control.replace(/^(Package: .*)$/m, '$1\nStatus: install ok installed');
  return { name: field('Package'), version: field('Version'), control: status, folder };
}

function listFiles(packages: readonly Package[]): PackagedFiles {
  const files = new Map<string, PackagedFile>();
  for (const item of packages) {
    for (const path of readdirSync(item.folder, { recursive: true, encoding: 'utf8' })) {
      const source = join(item.folder, path);
      const stat = lstatSync(source);
      if (stat.isDirectory()) continue;
      const link = stat.isSymbolicLink() ? readlinkSync(source) : undefined;
      // No set-user-id bit reaches an image: nothing in it may gain a right.
      const mode = stat.mode & 0o777;
      files.set(merged(path), { package: item, source, link, mode, size: stat.size });
    }
  }
  return files;
}

/** Debian's merged /usr: /bin, /sbin and /lib are links into it. */
function merged(path: string): string {
  return /^(bin|sbin|lib|lib64)\//.test(path) ? `usr/${path}` : path;
}

/** Follows links inside the packages; returns every path on the way, the file itself last. */
export function followLinks(files: PackagedFiles, path: string): string[] {
  const seen: string[] = [];
  for (let at = merged(path); seen.length < 16;) {
    const file = files.get(at);
    if (file === undefined) return [];
    seen.push(at);
    if (file.link === undefined) return seen;
    at = merged(file.link.startsWith('/') ? file.link.slice(1) : posix.join(dirname(at), file.link));
  }
  return [];
}

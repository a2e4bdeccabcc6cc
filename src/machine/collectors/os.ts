// Which operating system this is, on what it runs, and how it guards itself.

import { machine } from 'node:os';
import type { OsFacts } from '../facts.ts';
import { parseCpuinfo, parseOsRelease } from '../parse/proc.ts';
import type { Source } from '../source.ts';
import type { Collector } from './context.ts';
import { printable } from '../printable.ts';

export const collectOs: Collector<'os'> = async (source) => {
  const release = parseOsRelease(
    (await source.text('/etc/os-release')) ?? (await source.text('/usr/lib/os-release')) ?? '',
  );
  const field = (name: string): string => printable(release.get(name) ?? '');
  const line = async (path: string): Promise<string> => printable((await source.text(path))?.trim() ?? '');
  return {
    id: field('ID') || 'unknown',
    versionId: field('VERSION_ID'),
    name: field('PRETTY_NAME') || field('NAME') || 'unknown',
    family: familyOf([field('ID'), ...field('ID_LIKE').split(' ')]),
    kernel: await line('/proc/sys/kernel/osrelease'),
    arch: process.arch,
    machine: machine(),
    libc: await libcOf(source),
    systemd: await source.exists('/run/systemd/system'),
    init: await line('/proc/1/comm'),
    virtualization: await virtualizationOf(source),
    selinux: await selinuxOf(source),
    apparmor: await apparmorOf(source),
    hostname: await line('/proc/sys/kernel/hostname'),
    timezone: await timezoneOf(source),
    nsenter: (await source.which('nsenter')) ?? null,
    uid: process.getuid?.() ?? 0,
  };
};

export function familyOf(ids: readonly string[]): OsFacts['family'] {
  if (ids.includes('debian') || ids.includes('ubuntu')) return 'debian';
  return ids.some((id) => ['rhel', 'fedora', 'centos'].includes(id)) ? 'rhel' : 'other';
}

const LIBRARY_FOLDERS = ['/lib', '/lib64', '/usr/lib', '/usr/lib64'];

/** By the loaders that are installed: asking this process would only tell what it was built for. */
async function libcOf(source: Source): Promise<OsFacts['libc']> {
  const names = (await Promise.all(LIBRARY_FOLDERS.map((folder) => source.list(folder)))).flat();
  if (names.some((name) => /^ld-linux.*\.so\.\d+$/.test(name))) {
    const said = await source.command('getconf', ['GNU_LIBC_VERSION']);
    return { kind: 'glibc', version: /^glibc (\S+)/.exec(said?.stdout ?? '')?.[1] ?? ownGlibc() };
  }
  const musl = names.some((name) => name.startsWith('ld-musl-'));
  return { kind: musl ? 'musl' : 'unknown', version: null };
}

/** Minimal systems have no getconf; this process knows the library that it runs on. */
function ownGlibc(): string | null {
  // Without this it looks up names on the network; Node's types do not know it yet.
  Object.assign(process.report, { excludeNetwork: true });
  // Node types the report as a bare object; `header` is documented.
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime ?? null;
}

const CONTAINERS = [
  'lxc',
  'lxc-libvirt',
  'systemd-nspawn',
  'docker',
  'podman',
  'rkt',
  'wsl',
  'proot',
  'pouch',
  'openvz',
];

async function virtualizationOf(source: Source): Promise<OsFacts['virtualization']> {
  const said = (await source.command('systemd-detect-virt', []))?.stdout.trim();
  if (said === 'none') return { kind: 'none', name: 'none' };
  if (said) return { kind: CONTAINERS.includes(said) ? 'container' : 'vm', name: printable(said) };
  const container = await containerMark(source);
  if (container !== undefined) return { kind: 'container', name: container };
  const vendor = printable((await source.text('/sys/class/dmi/id/sys_vendor'))?.trim() ?? '');
  if (parseCpuinfo((await source.text('/proc/cpuinfo')) ?? '').flags.has('hypervisor')) {
    return { kind: 'vm', name: vendor || 'unknown' };
  }
  // ARM processors do not tell that they are virtual; without a maker's name nobody can.
  return vendor === '' ? { kind: 'unknown', name: 'unknown' } : { kind: 'none', name: vendor };
}

async function containerMark(source: Source): Promise<string | undefined> {
  const name = (await source.text('/run/systemd/container'))?.trim();
  if (name) return printable(name);
  if (await source.exists('/.dockerenv')) return 'docker';
  return (await source.exists('/run/.containerenv')) ? 'podman' : undefined;
}

async function selinuxOf(source: Source): Promise<OsFacts['selinux']> {
  const enforce = (await source.text('/sys/fs/selinux/enforce'))?.trim();
  if (enforce === '1') return 'enforcing';
  if (enforce === '0') return 'permissive';
  return (await source.exists('/sys/fs/selinux/status')) ? 'unknown' : 'absent';
}

async function apparmorOf(source: Source): Promise<boolean | null> {
  const enabled = (await source.text('/sys/module/apparmor/parameters/enabled'))?.trim();
  if (enabled !== undefined) return enabled === 'Y';
  return (await source.exists('/sys/module')) ? false : null;
}

async function timezoneOf(source: Source): Promise<string | null> {
  const zone = /\/zoneinfo\/(.+)$/.exec((await source.link('/etc/localtime')) ?? '')?.[1];
  const named = zone ?? (await source.text('/etc/timezone'))?.trim();
  return named ? printable(named) : null;
}

// Operating system, clock, and what an earlier install left.

import { howToStart } from '../../base/own-service.ts';
import { pathsUnder } from '../../base/paths.ts';
import type { OsFacts } from '../facts.ts';
import { isAtLeast } from '../parse/versions.ts';
import { judgeClock, judgeSynchronization } from './clock.ts';
import { check, fail, forFamily, pass, unknown, warn, type Check, type Finding } from './check.ts';

/** What the product is made for; others are judged by what they have, and named untried. */
const KNOWN: Record<string, readonly string[]> = {
  debian: ['12', '13'],
  ubuntu: ['22.04', '24.04', '26.04'],
  rhel: ['9', '10'],
  rocky: ['9', '10'],
  almalinux: ['9', '10'],
  centos: ['9', '10'],
  ol: ['9', '10'],
};
const IN_MEMORY = new Set(['tmpfs', 'ramfs']);
const LONGEST_HOSTNAME = 63;
const HOSTNAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

export const systemChecks: readonly Check[] = [
  check({
    id: 'operating-system',
    area: 'system',
    title: 'Operating system',
    needed: 'Debian 12 or 13, Ubuntu 22.04 to 26.04, or the RHEL family 9 or 10',
    remedy: 'Go on if every other line is well, or use one of the systems named here.',
    needs: ['os'],
    judge: ({ os }) => {
      const known = KNOWN[os.id]?.some(
        (version) => os.versionId === version || os.versionId.startsWith(`${version}.`),
      );
      return known === true ? pass(os.name) : warn(`${os.name}, which is untried`);
    },
  }),
  check({
    id: 'kernel',
    area: 'system',
    title: 'Kernel',
    needed: '4.18 or newer',
    remedy:
      'Install the current kernel of a supported release (apt-get full-upgrade, or dnf upgrade), then restart the machine.',
    needs: ['os'],
    judge: ({ os }, { kernelMin }) => judgeVersion(os.kernel, kernelMin),
  }),
  check({
    id: 'libc',
    area: 'system',
    title: 'C library',
    needed: 'glibc 2.28 or newer',
    remedy:
      'Use a distribution built on glibc, for example Debian, Ubuntu or the RHEL family. Alpine and other musl systems cannot run it.',
    needs: ['os'],
    judge: ({ os }, { glibcMin }) => {
      if (os.libc.kind === 'musl') return fail('musl');
      if (os.libc.kind === 'unknown') return unknown('No C library was found in the usual folders.');
      if (os.libc.version === null) return unknown('glibc of a version that getconf does not tell.');
      return judgeVersion(os.libc.version, glibcMin);
    },
  }),
  check({
    id: 'init',
    area: 'system',
    title: 'Start after a reboot',
    needed: 'systemd',
    remedy: `Let your own init run \`${howToStart(pathsUnder('/'), false)}\` at boot, or use a system with systemd.`,
    needs: ['os'],
    judge: ({ os }) => (os.systemd ? pass('systemd') : warn(`${os.init || 'something else'}, not systemd`)),
  }),
  check({
    id: 'mandatory-access',
    area: 'system',
    title: 'SELinux and AppArmor',
    needed: 'either, if the engine knows about it',
    remedy: 'dnf install -y container-selinux, then restart the engine: systemctl restart docker',
    needs: ['os'],
    judge: ({ os }) => judgeMandatoryAccess(os),
  }),
  check({
    id: 'clock-plausible',
    area: 'system',
    title: 'Clock',
    needed: 'a time that can be true: certificates and signatures depend on it',
    remedy: 'Set the clock, for example: date -u -s "2030-01-31 12:00:00", then `hwclock --systohc`.',
    needs: ['clock'],
    judge: ({ clock }, demand) => judgeClock(clock, demand.releaseDate),
  }),
  check({
    id: 'clock-synchronized',
    area: 'system',
    title: 'Time service',
    needed: 'a clock that is kept right, from the network or by the host',
    remedy:
      'Debian family: apt-get install -y chrony; RHEL family: dnf install -y chrony; then systemctl enable --now chronyd (Debian: chrony). Without internet name a time server of your own in its configuration.',
    needs: ['clock'],
    judge: ({ clock, os }) => judgeSynchronization(clock, os),
  }),
  check({
    id: 'timezone',
    area: 'system',
    title: 'Time zone',
    needed: 'one that is set: backups run at local times',
    remedy:
      'timedatectl set-timezone Europe/Berlin (your own; timedatectl list-timezones lists them). Without systemd: ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime',
    needs: ['os'],
    judge: ({ os }) => (os.timezone === null ? warn('none is set') : pass(os.timezone)),
  }),
  check({
    id: 'hostname',
    area: 'system',
    title: 'Host name',
    needed: 'a name of letters, digits and hyphens that is not localhost',
    remedy: 'hostnamectl set-hostname appliance-1 (a name of your own)',
    needs: ['os'],
    judge: ({ os }) => {
      const { hostname } = os;
      if (hostname === '') return unknown('The kernel names no host name.');
      const first = hostname.split('.')[0]!;
      const sane = HOSTNAME.test(hostname) && first.length <= LONGEST_HOSTNAME && first !== 'localhost';
      return sane ? pass(hostname) : warn(`"${hostname}"`);
    },
  }),
  check({
    id: 'nsenter',
    area: 'system',
    title: 'Program nsenter',
    needed: 'nsenter (package util-linux): the object store is asked from within its own network',
    remedy: 'Debian family: apt-get install -y util-linux; RHEL family: dnf install -y util-linux',
    needs: ['os'],
    judge: ({ os }) => {
      const fix = forFamily(os, 'apt-get install -y util-linux', 'dnf install -y util-linux');
      return os.nsenter === null ? fail('none', { fix }) : pass(os.nsenter);
    },
  }),
  check({
    id: 'secrets-in-memory',
    area: 'system',
    title: 'Folder of opened secrets',
    needed: 'one in memory (tmpfs), so that no disk and no copy of one holds them in the clear',
    remedy:
      'Before anything is installed: mkdir -p /run/onstead && mount -t tmpfs -o mode=0755,size=16m tmpfs /run/onstead, and for every start the line `tmpfs /run/onstead tmpfs mode=0755,size=16m 0 0` in /etc/fstab.',
    needs: ['paths'],
    judge: ({ paths: { opened } }) => {
      if (opened.filesystem === null) return unknown(`No mount was found that holds ${opened.path}.`);
      const found = `${opened.filesystem} under ${opened.path}`;
      return IN_MEMORY.has(opened.filesystem) ? pass(found) : warn(found);
    },
  }),
  check({
    id: 'previous-install',
    area: 'system',
    title: 'An earlier install',
    needed: 'none, or a whole one',
    remedy:
      'Run the installer again: it goes on where it stopped. Where the key is gone, put /etc/onstead/machine.key back from the recovery kit, or move /var/lib/onstead away to begin anew.',
    needs: ['paths'],
    judge: ({ paths: { previous } }) => {
      if (previous.secrets && !previous.machineKey) {
        return fail('secrets are there, and the key that opens them is not');
      }
      const left = [
        previous.versions.length > 0 && `programs ${previous.versions.join(', ')}`,
        previous.database && 'state',
        previous.secrets && 'secrets',
        previous.stack && 'a stack',
      ].filter((name) => name !== false);
      if (left.length === 0) return pass('none');
      if (previous.database && previous.current !== null) return pass(`version ${previous.current}`);
      return warn(`half of one: ${left.join(', ')}`);
    },
  }),
];

function judgeVersion(version: string, minimum: string): Finding {
  const enough = isAtLeast(version, minimum);
  if (enough === undefined) return unknown(`"${version}" names no version.`);
  return enough ? pass(version, minimum) : fail(version, { needed: `${minimum} or newer` });
}

function judgeMandatoryAccess(os: OsFacts): Finding {
  if (os.selinux === 'enforcing') {
    return warn('SELinux enforces: the engine needs container-selinux, and bind mounts their labels', {
      fix: forFamily(
        os,
        'apt-get install -y selinux-policy-default',
        'dnf install -y container-selinux && systemctl restart docker',
      ),
    });
  }
  if (os.selinux === 'unknown')
    return unknown('SELinux is there; whether it enforces cannot be read.', 'getenforce');
  if (os.apparmor === null) return unknown('The kernel does not say.');
  const selinux = os.selinux === 'permissive' ? 'SELinux permissive' : 'no SELinux';
  return pass(`${selinux}, ${os.apparmor ? 'AppArmor' : 'no AppArmor'}`);
}

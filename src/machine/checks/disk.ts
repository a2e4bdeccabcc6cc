// Room, kind and speed of the disks, and whether the folders may be written.

import { formatBytes } from '../../base/units.ts';
import { isSpinning, storeOf } from '../block-devices.ts';
import type { MachineDemand } from '../demand.ts';
import type { DiskFolder, DisksFacts, FolderRole } from '../facts.ts';
import { check, fail, forFamily, pass, skip, unknown, warn, type Check, type Finding } from './check.ts';

const GOOD = new Set(['ext4', 'ext3', 'xfs', 'btrfs', 'zfs', 'f2fs', 'bcachefs']);
const NETWORK = /^(nfs|cifs|smb|fuse\.(sshfs|s3fs|glusterfs|ceph)|9p|ceph|glusterfs|afs|ncpfs|lustre)/;
const GONE_AT_REBOOT = new Set(['tmpfs', 'ramfs', 'squashfs', 'iso9660']);
/** Virtual disks call themselves spinning unless their host was told better. */
const VIRTUAL_DISK = /^(vd|xvd)/;

const DEMANDED: Record<FolderRole, (demand: MachineDemand) => number> = {
  state: (demand) => demand.stateBytes,
  engine: (demand) => demand.engineBytes,
  programs: (demand) => demand.programBytes,
  temporary: (demand) => demand.temporaryBytes,
};

export const diskChecks: readonly Check[] = [
  spaceCheck('state', 'state-space', "Room for Onstead's state"),
  spaceCheck('engine', 'engine-space', 'Room for images and volumes'),
  spaceCheck('programs', 'program-space', 'Room for the programs'),
  spaceCheck('temporary', 'temporary-space', 'Room for temporary files'),
  check({
    id: 'inodes',
    area: 'disk',
    title: 'Free inodes',
    needed: 'enough for the files of images and objects',
    remedy:
      'Find folders with very many files with `du --inodes -x -d 3 / | sort -n | tail`, and clear them.',
    needs: ['disks'],
    judge: ({ disks }, demand) => {
      const folders = rolesOf(disks, ['state', 'engine']);
      const worst = least(
        folders.filter((one) => one.inodesFree !== null),
        (one) => one.inodesFree!,
      );
      if (folders.length === 0) return unknown('No disk was found under the folders.');
      if (worst === undefined) return skip('These file systems have no fixed number of inodes.');
      const found = `${worst.inodesFree} free in ${worst.mount}`;
      const needed = `${demand.inodes}`;
      return worst.inodesFree! >= demand.inodes ? pass(found, needed) : fail(found, { needed });
    },
  }),
  check({
    id: 'filesystem',
    area: 'disk',
    title: 'File system',
    needed: 'a local one that lasts: ext4, xfs, btrfs or zfs',
    remedy: 'Mount a local disk with ext4 or xfs at that folder, then try again.',
    needs: ['disks'],
    judge: ({ disks }) => {
      const folders = rolesOf(disks, ['state', 'engine']);
      const bad = folders.find((one) => NETWORK.test(one.filesystem) || GONE_AT_REBOOT.has(one.filesystem));
      if (bad !== undefined) return fail(nameOf(bad));
      const odd = folders.find((one) => !GOOD.has(one.filesystem));
      if (odd !== undefined) return warn(`${nameOf(odd)}, which is untried`);
      return folders.length === 0 ? unknown('No disk was found.') : pass(folders.map(nameOf).join(', '));
    },
  }),
  check({
    id: 'xfs-ftype',
    area: 'disk',
    title: 'Entry types on xfs',
    needed: 'xfs made with ftype=1, which overlay2 needs',
    remedy:
      'Move the data away, make the file system anew with `mkfs.xfs -n ftype=1 DEVICE`, and move the data back.',
    needs: ['disks'],
    judge: ({ disks, engine, os }) => {
      const [folder] = rolesOf(disks, ['engine']);
      if (folder === undefined) return unknown("The disk under the engine's data was not found.");
      if (folder.filesystem !== 'xfs') return skip(`The engine's data is on ${folder.filesystem}.`);
      const ftype = folder.xfsFtype ?? engine?.details?.dType ?? null;
      if (ftype !== null) return ftype ? pass('ftype=1') : fail('ftype=0');
      const fix = forFamily(os, 'apt-get install -y xfsprogs', 'dnf install -y xfsprogs');
      return unknown('xfs_info gave no answer.', fix);
    },
  }),
  check({
    id: 'flush-latency',
    area: 'disk',
    title: 'Time to flush a write',
    needed: 'a median of 10 ms or less for 4 kB; over 100 ms no database can work',
    remedy:
      'Use an SSD, or a storage controller with a protected write cache; in a virtual machine ask for faster storage. See what else writes with `iostat -x 1 3` (package sysstat).',
    needs: ['disks'],
    judge: ({ disks }, demand) => {
      const worst = least(
        rolesOf(disks, ['state', 'engine']).filter((one) => one.flush !== null),
        (one) => -one.flush!.medianMs,
      );
      if (worst === undefined) return unknown('It could not be measured.', 'Run the same command as root.');
      const { medianMs, p99Ms, samples } = worst.flush!;
      const found = `${medianMs} ms median, ${p99Ms} ms worst of ${samples}, on ${worst.mount}`;
      const needed = `${demand.flushWarnMs} ms`;
      if (medianMs > demand.flushFailMs) return fail(found, { needed });
      return medianMs > demand.flushWarnMs ? warn(found, { needed }) : pass(found, needed);
    },
  }),
  check({
    id: 'rotational',
    area: 'disk',
    title: 'Kind of disk',
    needed: 'SSD or NVMe',
    remedy: 'Move the folder to an SSD. A spinning disk works for few users; backups may well go to one.',
    needs: ['disks'],
    judge: ({ disks }) => {
      const folders = rolesOf(disks, ['state', 'engine']);
      const spins = folders.find((one) => one.rotational === true);
      if (spins === undefined) {
        const unclear = folders.length === 0 || folders.some((one) => one.rotational === null);
        return unclear ? unknown('The kernel does not say what disk stands under it.') : pass('SSD or NVMe');
      }
      const names = spins.disks.join(', ');
      if (isSpinning(spins) === null) {
        return pass(`${names} calls itself spinning, but flushes in ${spins.flush?.medianMs} ms`);
      }
      if (spins.flush === null && spins.disks.every((disk) => VIRTUAL_DISK.test(disk))) {
        return unknown(`${names} is virtual and calls itself spinning, and its speed was not measured.`);
      }
      return warn(`${names} under ${spins.path} is a spinning disk`);
    },
  }),
  check({
    id: 'mount-options',
    area: 'disk',
    title: 'Mount options',
    needed: 'programs may be run from where they are installed',
    remedy: 'mount -o remount,exec MOUNT, and take `noexec` out of its line in /etc/fstab.',
    needs: ['disks'],
    judge: ({ disks }) => {
      const folders = rolesOf(disks, ['programs', 'engine']);
      const bad = folders.find((one) => one.noExec);
      if (folders.length === 0) return unknown('No mount was found.');
      if (bad === undefined) return pass('programs may be run');
      const fix = `mount -o remount,exec ${bad.mount} (and take noexec out of its line in /etc/fstab)`;
      return fail(`${bad.mount}, which holds ${bad.path}, is mounted noexec`, { fix });
    },
  }),
  check({
    id: 'writable',
    area: 'disk',
    title: 'Folders that must be written',
    needed: 'all of them writable',
    remedy:
      'Run as root; where a file system is read-only: mount -o remount,rw MOUNT, and read `dmesg` for why it is so.',
    needs: ['paths', 'disks'],
    judge: ({ paths, disks }) => {
      const frozen = disks.folders
        .filter((one) => one.readOnly)
        .map((one) => `${one.path} (read-only file system)`);
      const denied = paths.folders
        .filter((one) => one.problem !== null)
        .map((one) => `${one.path} (${one.problem})`);
      const all = [...new Set([...denied, ...frozen])];
      if (all.length > 0) return fail(all.join(', '));
      return pass(`${paths.folders.length} of ${paths.folders.length}`);
    },
  }),
];

function spaceCheck(role: FolderRole, id: string, title: string): Check {
  return check({
    id,
    area: 'disk',
    title,
    needed: 'as much as the release asks for, added up where folders share a file system',
    remedy:
      'Clear the file system, make it larger, or mount a larger disk at that folder. `du -xh -d 2 MOUNT | sort -h | tail` shows what fills it.',
    needs: ['disks'],
    judge: ({ disks }, demand) => judgeSpace(role, disks, demand),
  });
}

function judgeSpace(role: FolderRole, disks: DisksFacts, demand: MachineDemand): Finding {
  const folder = disks.folders.find((one) => one.role === role);
  if (folder === undefined) return unknown('The disk under the folder was not found.');
  const sharing = disks.folders.filter((one) => storeOf(one) === storeOf(folder));
  const neededBytes = sharing.reduce((sum, one) => sum + DEMANDED[one.role](demand), 0);
  const others = sharing.filter((one) => one !== folder).map((one) => one.path);
  const found = `${formatBytes(folder.freeBytes)} free for ${folder.path} (${folder.mount})`;
  const needed = `${formatBytes(neededBytes)}${others.length === 0 ? '' : `, together with ${others.join(', ')}`}`;
  if (folder.freeBytes >= neededBytes) return pass(found, needed);
  const fix = `${formatBytes(neededBytes - folder.freeBytes)} more is needed: clear or enlarge the file system at ${folder.mount}. What fills it: du -xh -d 2 ${folder.mount} | sort -h | tail`;
  return fail(found, { needed, fix });
}

function nameOf({ filesystem, path }: DiskFolder): string {
  return `${filesystem} under ${path}`;
}

function rolesOf(disks: DisksFacts, roles: readonly FolderRole[]): readonly DiskFolder[] {
  return disks.folders.filter((one) => roles.includes(one.role));
}

function least<T>(items: readonly T[], value: (item: T) => number): T | undefined {
  return items.toSorted((a, b) => value(a) - value(b))[0];
}

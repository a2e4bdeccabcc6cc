// Disks: room, file systems, speed and rights, and what a person is told.

import { GIB } from '../../../../src/base/units.ts';
import { disk, type Case } from './case.ts';

export const diskCases: readonly Case[] = [
  {
    when: 'the shared disk holds each demand but not their sum',
    id: 'state-space',
    status: 'fail',
    change: (f) => f.disks.folders.forEach((one) => (one.freeBytes = 25 * GIB)),
    says: /25 GB free/,
    fix: /6\.3 GB more/,
  },
  {
    when: 'the state has a small disk of its own',
    id: 'state-space',
    status: 'fail',
    change: (f) => Object.assign(disk(f, 'state'), { device: '/dev/sdb1', freeBytes: GIB }),
  },
  {
    when: 'the state has a disk of its own that is enough',
    id: 'state-space',
    status: 'pass',
    change: (f) => Object.assign(disk(f, 'state'), { device: '/dev/sdb1', freeBytes: 11 * GIB }),
  },
  {
    when: "the engine's disk is full",
    id: 'engine-space',
    status: 'fail',
    change: (f) => (disk(f, 'engine').freeBytes = 0),
    fix: /du -xh/,
  },
  {
    when: '/opt is full',
    id: 'program-space',
    status: 'fail',
    change: (f) => (disk(f, 'programs').freeBytes = 0),
  },
  {
    when: '/tmp is full',
    id: 'temporary-space',
    status: 'fail',
    change: (f) => (disk(f, 'temporary').freeBytes = 0),
  },
  {
    when: 'inodes run out',
    id: 'inodes',
    status: 'fail',
    change: (f) => (disk(f, 'engine').inodesFree = 1_000),
  },
  {
    when: 'btrfs has no fixed number of inodes',
    id: 'inodes',
    status: 'skip',
    change: (f) => f.disks.folders.forEach((one) => (one.inodesFree = null)),
  },
  {
    when: 'the state is on NFS',
    id: 'filesystem',
    status: 'fail',
    change: (f) => (disk(f, 'state').filesystem = 'nfs4'),
    says: /nfs4 under \/var\/lib\/onstead/,
  },
  {
    when: "the engine's data is in memory",
    id: 'filesystem',
    status: 'fail',
    change: (f) => (disk(f, 'engine').filesystem = 'tmpfs'),
  },
  {
    when: 'the file system is one nobody tried',
    id: 'filesystem',
    status: 'warn',
    change: (f) => (disk(f, 'engine').filesystem = 'overlay'),
  },
  {
    when: 'xfs was made without entry types',
    id: 'xfs-ftype',
    status: 'fail',
    change: (f) => Object.assign(disk(f, 'engine'), { filesystem: 'xfs', xfsFtype: false }),
  },
  {
    when: 'xfs has entry types',
    id: 'xfs-ftype',
    status: 'pass',
    change: (f) => Object.assign(disk(f, 'engine'), { filesystem: 'xfs', xfsFtype: true }),
  },
  {
    when: 'neither xfs_info nor an engine tells',
    id: 'xfs-ftype',
    status: 'unknown',
    change: (f) => {
      disk(f, 'engine').filesystem = 'xfs';
      f.engine.details = null;
    },
    fix: /xfsprogs/,
  },
  {
    when: 'a flush takes 30 ms',
    id: 'flush-latency',
    status: 'warn',
    change: (f) => (disk(f, 'state').flush!.medianMs = 30),
    says: /30 ms/,
  },
  {
    when: 'a flush takes 150 ms',
    id: 'flush-latency',
    status: 'fail',
    change: (f) => (disk(f, 'engine').flush!.medianMs = 150),
  },
  {
    when: 'flushes were not measured',
    id: 'flush-latency',
    status: 'unknown',
    change: (f) => f.disks.folders.forEach((one) => (one.flush = null)),
  },
  {
    when: 'the disk spins',
    id: 'rotational',
    status: 'warn',
    change: (f) =>
      Object.assign(disk(f, 'state'), {
        rotational: true,
        disks: ['sda'],
        flush: { samples: 64, medianMs: 9, p99Ms: 20 },
      }),
    says: /sda/,
  },
  {
    when: 'a virtual disk only claims to spin',
    id: 'rotational',
    status: 'pass',
    change: (f) => Object.assign(disk(f, 'state'), { rotational: true, disks: ['vda'] }),
  },
  {
    when: 'a virtual disk claims to spin and was not measured',
    id: 'rotational',
    status: 'unknown',
    change: (f) => Object.assign(disk(f, 'state'), { rotational: true, disks: ['vda'], flush: null }),
  },
  {
    when: 'the kernel knows no disk',
    id: 'rotational',
    status: 'unknown',
    change: (f) => (disk(f, 'state').rotational = null),
  },
  {
    when: '/opt is mounted noexec',
    id: 'mount-options',
    status: 'fail',
    change: (f) => (disk(f, 'programs').noExec = true),
    fix: /remount,exec/,
  },
  {
    when: '/opt is read-only',
    id: 'writable',
    status: 'fail',
    change: (f) => (disk(f, 'programs').readOnly = true),
    says: /\/opt\/onstead/,
  },
  {
    when: '/var/lib may not be written',
    id: 'writable',
    status: 'fail',
    change: (f) => (f.paths.folders[0]!.problem = 'permission denied'),
    says: /permission denied/,
  },
];

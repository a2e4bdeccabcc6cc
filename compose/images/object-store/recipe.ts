// A real S3 server from Debian alone: Ceph's radosgw over one monitor and one object daemon in one container.
// It stands where the default stack has its MinIO-compatible service, and reads the same variables.

import { join } from 'node:path';
import { libraryFolder } from '../closure.ts';
import { folder, textFile } from '../tree.ts';
import { ownedFolder, setupTree } from '../recipe.ts';
import type { Recipe } from '../recipe.ts';

const ACCOUNT = { name: 's3', id: 10_001, home: '/data' };

const PROGRAMS = [
  'ceph-mon',
  'ceph-osd',
  'radosgw',
  'radosgw-admin',
  'monmaptool',
  'osdmaptool',
  'ceph-authtool',
];

// Object classes are programs that the object daemon runs beside the data; these are the ones that S3 uses.
const CLASSES = [
  '2pc_queue',
  'cas',
  'cmpomap',
  'fifo',
  'lock',
  'log',
  'lua',
  'numops',
  'otp',
  'queue',
  'refcount',
  'rgw',
  'rgw_gc',
  'sem_set',
  'timeindex',
  'user',
  'version',
];

const lib = libraryFolder();

export const objectStore: Recipe = {
  name: 'object-store',
  versionOf: 'radosgw',
  packages: ['ceph-mon', 'ceph-osd', 'ceph-base', 'ceph-common', 'radosgw'],
  keep: [
    ...PROGRAMS.map((name) => `usr/bin/${name}`),
    ...CLASSES.map((name) => `${lib}/rados-classes/libcls_${name}.so*`),
    `${lib}/ceph/libceph-common.so*`,
    `${lib}/ceph/crypto/libceph_crypto_{isal,openssl}.so*`,
  ],
  setup: (here) =>
    new Map([
      ...setupTree(ACCOUNT, { 'usr/local/bin/docker-entrypoint.sh': join(here, 'entrypoint.sh') }),
      ['etc/ceph', folder()],
      ['etc/mime.types', textFile('text/plain txt\n')],
      ['data', ownedFolder(ACCOUNT, 0o750)],
      ['run/ceph', ownedFolder(ACCOUNT)],
      ['var/lib/ceph', ownedFolder(ACCOUNT)],
      ['var/log/ceph', ownedFolder(ACCOUNT)],
    ]),
  run: {
    entrypoint: ['docker-entrypoint.sh'],
    user: '10001:10001',
    workingFolder: '/data',
    ports: [9000],
    volumes: ['/data'],
    health: {
      command: ['wget', '-q', '-T', '4', '-O', '/dev/null', 'http://127.0.0.1:9000/swift/healthcheck'],
      startPeriodMs: 120_000,
    },
  },
};

// The engine and its programs, and what a person is told.

import { GIB } from '../../../../src/base/units.ts';
import { engine, someone, type Case } from './case.ts';

export const engineCases: readonly Case[] = [
  {
    when: 'there is no engine',
    id: 'engine',
    status: 'fail',
    change: (f) =>
      Object.assign(f.engine, {
        details: null,
        problem: { kind: 'absent', reason: 'there is no /var/run/docker.sock' },
      }),
    fix: /apt-get install -y docker\.io/,
  },
  {
    when: 'the engine is stopped',
    id: 'engine',
    status: 'fail',
    change: (f) =>
      Object.assign(f.engine, { details: null, problem: { kind: 'stopped', reason: 'no engine listens' } }),
    fix: /^systemctl enable --now docker$/,
  },
  {
    when: 'the engine hangs',
    id: 'engine',
    status: 'fail',
    change: (f) =>
      Object.assign(f.engine, {
        details: null,
        problem: { kind: 'silent', reason: 'it did not answer in time' },
      }),
    fix: /journalctl/,
  },
  {
    when: 'the engine is 19.03',
    id: 'engine-version',
    status: 'fail',
    change: (f) => (engine(f).version = '19.03.15'),
  },
  {
    when: 'the engine is 20.10 as Debian names it',
    id: 'engine-version',
    status: 'pass',
    change: (f) => (engine(f).version = '20.10.24+dfsg1'),
  },
  {
    when: 'the engine is 29',
    id: 'engine-version',
    status: 'pass',
    change: (f) => (engine(f).version = '29.0.0-rc.1'),
  },
  {
    when: 'the engine names no version',
    id: 'engine-version',
    status: 'unknown',
    change: (f) => (engine(f).version = 'dev'),
  },
  {
    when: 'Podman poses as Docker',
    id: 'engine-kind',
    status: 'fail',
    change: (f) => (engine(f).podman = true),
  },
  {
    when: 'the engine is a snap',
    id: 'engine-packaging',
    status: 'fail',
    change: (f) => (engine(f).snap = true),
    fix: /snap remove docker/,
  },
  {
    when: 'the engine is rootless',
    id: 'engine-rootless',
    status: 'fail',
    change: (f) => (engine(f).rootless = true),
  },
  {
    when: 'users are remapped',
    id: 'engine-users',
    status: 'fail',
    change: (f) => (engine(f).usernsRemap = true),
  },
  {
    when: 'the engine runs in another machine',
    id: 'engine-local',
    status: 'fail',
    change: (f) => (engine(f).kernel = '6.10.14-linuxkit'),
  },
  {
    when: 'DOCKER_HOST points elsewhere',
    id: 'engine-address',
    status: 'fail',
    change: (f) => (f.engine.redirects = ['the variable DOCKER_HOST']),
    says: /DOCKER_HOST/,
    fix: /unset DOCKER_HOST/,
  },
  {
    when: 'somebody removed docker0',
    id: 'engine-bridges',
    status: 'warn',
    change: (f) => f.network.interfaces.pop(),
    says: /docker0 of the network bridge/,
  },
  {
    when: 'the swarm mode is on',
    id: 'engine-swarm',
    status: 'warn',
    change: (f) => (engine(f).swarm = true),
  },
  {
    when: 'the storage driver is vfs',
    id: 'storage-driver',
    status: 'fail',
    change: (f) => (engine(f).storageDriver = 'vfs'),
  },
  {
    when: 'the store is containerd',
    id: 'storage-driver',
    status: 'pass',
    change: (f) => Object.assign(engine(f), { storageDriver: 'overlayfs', dType: null }),
  },
  {
    when: 'the file system has no d_type',
    id: 'storage-driver',
    status: 'fail',
    change: (f) => (engine(f).dType = false),
  },
  {
    when: 'the storage driver is untried',
    id: 'storage-driver',
    status: 'warn',
    change: (f) => (engine(f).storageDriver = 'zfs'),
  },
  {
    when: 'the docker command is missing',
    id: 'docker-cli',
    status: 'fail',
    change: (f) => (f.engine.cli = null),
  },
  {
    when: 'Compose is missing',
    id: 'compose',
    status: 'fail',
    change: (f) => (f.engine.compose = null),
    says: /not found/,
  },
  {
    when: 'only docker-compose 1.29 is there',
    id: 'compose',
    status: 'fail',
    change: (f) =>
      Object.assign(f.engine, {
        compose: null,
        oldCompose: { path: '/usr/bin/docker-compose', version: '1.29.2' },
      }),
    says: /1\.29\.2/,
  },
  {
    when: 'Compose is 2.17',
    id: 'compose',
    status: 'fail',
    change: (f) => (f.engine.compose!.version = '2.17.3'),
  },
  {
    when: 'Compose is 5',
    id: 'compose',
    status: 'pass',
    change: (f) => (f.engine.compose!.version = 'v5.0.1'),
  },
  {
    when: 'someone else has the project name',
    id: 'project-name',
    status: 'fail',
    change: (f) => (engine(f).containers = [{ ...someone, project: 'notes' }]),
    says: /their-db/,
  },
  {
    when: "other people's containers run beside enough memory",
    id: 'other-containers',
    status: 'pass',
    change: (f) => (engine(f).containers = [someone]),
    says: /their-db/,
  },
  {
    when: "other people's containers took the memory",
    id: 'other-containers',
    status: 'warn',
    change: (f) => {
      engine(f).containers = [someone];
      f.memory.availableBytes = GIB;
    },
  },
];

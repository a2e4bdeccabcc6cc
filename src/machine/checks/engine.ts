// The container engine and Compose: there, new enough, and of a kind that works.

import { formatBytes } from '../../base/units.ts';
import type { EngineDetails, EngineFacts, MachineFacts } from '../facts.ts';
import { isAtLeast } from '../parse/versions.ts';
import {
  check,
  fail,
  forFamily,
  pass,
  skip,
  unknown,
  warn,
  type Check,
  type CheckText,
  type Finding,
} from './check.ts';

const INSTALL_DEBIAN = 'apt-get install -y docker.io';
const INSTALL_RHEL = 'dnf install -y docker-ce docker-ce-cli containerd.io';
const COMPOSE_FILE = '/usr/local/lib/docker/cli-plugins/docker-compose';

export const engineChecks: readonly Check[] = [
  check({
    id: 'engine',
    area: 'engine',
    title: 'Container engine',
    needed: 'Docker Engine, running and answering',
    remedy: `Debian family: ${INSTALL_DEBIAN}; RHEL family (Docker's own repository): ${INSTALL_RHEL}; then systemctl enable --now docker. Without systemd start \`dockerd\`.`,
    needs: ['engine'],
    judge: ({ engine, os }) => {
      if (engine.problem === null) return pass(`answers on ${engine.socket}`);
      return fail(engine.problem.reason, { fix: engineFix(engine.problem.kind, os) });
    },
  }),
  engineCheck({
    id: 'engine-version',
    title: 'Version of the engine',
    needed: '20.10 or newer',
    remedy: `Debian family: apt-get update && ${INSTALL_DEBIAN}; RHEL family: ${INSTALL_RHEL}`,
    judge: ({ version }, _facts, { engineMin }) => {
      const enough = isAtLeast(version, engineMin);
      if (enough === undefined) return unknown(`"${version}" names no version.`);
      return enough ? pass(version, engineMin) : fail(version, { needed: `${engineMin} or newer` });
    },
  }),
  engineCheck({
    id: 'engine-kind',
    title: 'Maker of the engine',
    needed: 'Docker Engine, not Podman in its clothes',
    remedy:
      'RHEL family: dnf remove -y podman-docker && dnf install -y docker-ce docker-ce-cli containerd.io && systemctl enable --now docker; Debian family: apt-get remove -y podman-docker && apt-get install -y docker.io',
    judge: ({ podman, version }) => (podman ? fail(`Podman ${version}`) : pass('Docker Engine')),
  }),
  engineCheck({
    id: 'engine-packaging',
    title: 'Packaging of the engine',
    needed: 'any but snap, which hides most folders from the engine',
    remedy: 'snap remove docker, then apt-get install -y docker.io. Save the data of other containers first.',
    judge: ({ snap, dataRoot }) => (snap ? fail(`from snap (${dataRoot})`) : pass('not from snap')),
  }),
  engineCheck({
    id: 'engine-rootless',
    title: 'Rights of the engine',
    needed: 'an engine that runs as root',
    remedy: 'systemctl --user disable --now docker, then systemctl enable --now docker as root.',
    judge: ({ rootless }) => (rootless ? fail('rootless') : pass('root')),
  }),
  engineCheck({
    id: 'engine-users',
    title: 'Users inside containers',
    needed: 'the same numbers inside and outside',
    remedy:
      'Take "userns-remap" out of /etc/docker/daemon.json, then systemctl restart docker. Existing images and volumes stay in their old folder.',
    judge: ({ usernsRemap }) =>
      usernsRemap
        ? fail('users are remapped: containers could not read their secrets')
        : pass('not remapped'),
  }),
  engineCheck({
    id: 'engine-local',
    title: 'Place of the engine',
    needed: 'this machine itself',
    remedy:
      'Install Docker Engine on this machine (not Docker Desktop, and no remote engine behind the socket).',
    judge: ({ kernel }, { os }) => {
      if (os === undefined || kernel === '' || os.kernel === '')
        return unknown('The kernels could not be compared.');
      return kernel === os.kernel
        ? pass('this machine')
        : fail(`another one: its kernel is ${kernel}, this one's ${os.kernel}`);
    },
  }),
  check({
    id: 'engine-address',
    area: 'engine',
    title: 'Engine that the docker command reaches',
    needed: 'the one on the socket of this machine',
    remedy: 'unset DOCKER_HOST DOCKER_CONTEXT; docker context use default',
    needs: ['engine'],
    judge: ({ engine: { redirects, socket } }) =>
      redirects.length === 0 ? pass(socket) : fail(`sent elsewhere by ${redirects.join(' and ')}`),
  }),
  engineCheck({
    id: 'engine-bridges',
    title: 'Interfaces of container networks',
    needed: 'each network of the engine has its interface',
    remedy:
      'systemctl restart docker makes them anew (it stops all containers for a moment). Then find what removed them, for example NetworkManager or a second engine.',
    judge: ({ networks }, { network }) => {
      if (network === undefined) return unknown('The interfaces of this machine are not known.');
      const names = new Set(network.interfaces.map((one) => one.name));
      const lost = networks.filter((one) => one.bridge !== null && !names.has(one.bridge));
      if (lost.length === 0)
        return pass(`all there (${networks.filter((one) => one.bridge !== null).length})`);
      return warn(`gone: ${lost.map((one) => `${one.bridge} of the network ${one.name}`).join(', ')}`);
    },
  }),
  engineCheck({
    id: 'engine-swarm',
    title: 'Swarm mode',
    needed: 'off',
    remedy: 'If nothing needs it: docker swarm leave --force',
    judge: ({ swarm }) => (swarm ? warn('on: services of the swarm may take ports and memory') : pass('off')),
  }),
  engineCheck({
    id: 'storage-driver',
    title: 'Storage driver',
    needed: 'overlay2, or the containerd store (overlayfs)',
    remedy:
      'Put {"storage-driver": "overlay2"} into /etc/docker/daemon.json, then systemctl restart docker. Images must be loaded again.',
    judge: ({ storageDriver, dType }) => {
      if (['vfs', 'devicemapper', 'aufs'].includes(storageDriver)) return fail(storageDriver);
      if (dType === false) return fail(`${storageDriver} on a file system without d_type`);
      if (['overlay2', 'overlayfs'].includes(storageDriver)) return pass(storageDriver);
      return warn(`${storageDriver}, which is untried`);
    },
  }),
  check({
    id: 'docker-cli',
    area: 'engine',
    title: 'The docker command',
    needed: 'installed',
    remedy:
      'Debian family: apt-get install -y docker-cli (Debian 12, Ubuntu: docker.io); RHEL family: dnf install -y docker-ce-cli',
    needs: ['engine'],
    judge: ({ engine: { cli } }) => (cli === null ? fail('not found') : pass(`${cli.version} (${cli.path})`)),
  }),
  check({
    id: 'compose',
    area: 'engine',
    title: 'Docker Compose',
    needed: 'the plugin, 2.20 or newer',
    remedy: `Ubuntu: apt-get install -y docker-compose-v2; Debian 13: apt-get install -y docker-compose; RHEL family: dnf install -y docker-compose-plugin; elsewhere put the program of version 2.20 or newer at ${COMPOSE_FILE} and make it executable.`,
    needs: ['engine'],
    judge: ({ engine }, { composeMin }) => judgeCompose(engine, composeMin),
  }),
  engineCheck({
    id: 'project-name',
    title: 'Name of the Compose project',
    needed: 'used by no one else on this engine',
    remedy: 'Rename or remove the other project: docker compose -p NAME down (its volumes stay).',
    judge: ({ containers }, _facts, { project }) => {
      if (project === undefined) return skip('No release was named.');
      const others = containers.filter((one) => one.project === project && !one.ours);
      if (others.length === 0) return pass(`${project} is free`);
      return fail(`${project} is the project of ${others.map((one) => one.name).join(', ')}`);
    },
  }),
  engineCheck({
    id: 'other-containers',
    title: "Other people's containers",
    needed: 'memory left for the stack beside those that run',
    remedy:
      'docker stats --no-stream shows what they take. Stop what this machine need not run, or give it more memory.',
    judge: ({ containers }, { memory }, { memoryBytes }) => {
      const others = containers.filter((one) => !one.ours && one.running);
      if (others.length === 0) return pass('none running');
      const found = `${others.length} running, left alone: ${others.map((one) => one.name).join(', ')}`;
      if (memory === undefined) return unknown(`${found}; how much memory is left is not known.`);
      const ours = containers.some((one) => one.ours && one.running);
      const needed = formatBytes(memoryBytes);
      const left = formatBytes(memory.availableBytes);
      if (ours || memory.availableBytes >= memoryBytes) return pass(found);
      return warn(`${found}; ${left} of memory left`, { needed });
    },
  }),
];

type EngineJudge = (
  details: EngineDetails,
  facts: MachineFacts,
  demand: Parameters<Check['judge']>[1],
) => Finding;

/** Where the engine does not answer, the check named `engine` fails once; all others say that they cannot know. */
function engineCheck(text: Omit<CheckText, 'area'> & { readonly judge: EngineJudge }): Check {
  return check({
    ...text,
    area: 'engine',
    needs: ['engine'],
    judge: (facts, demand) => {
      const { details, problem } = facts.engine;
      if (details === null)
        return unknown(`The engine does not answer: ${problem?.reason ?? 'no reason known'}.`);
      return text.judge(details, facts, demand);
    },
  });
}

function engineFix(kind: NonNullable<EngineFacts['problem']>['kind'], os: MachineFacts['os']): string {
  const start = os?.systemd === false ? 'start `dockerd`' : 'systemctl enable --now docker';
  switch (kind) {
    case 'absent':
      return `${forFamily(os, INSTALL_DEBIAN, INSTALL_RHEL)}; then ${start}`;
    case 'stopped':
      return start;
    case 'forbidden':
      return 'Run the same command as root, for example with `sudo` in front of it.';
    case 'silent':
    case 'strange':
      return os?.systemd === false
        ? 'Restart `dockerd` and read its log.'
        : 'journalctl -u docker -n 50, then systemctl restart docker';
  }
}

function judgeCompose({ compose, oldCompose }: EngineFacts, composeMin: string): Finding {
  const needed = `the plugin, ${composeMin} or newer`;
  if (compose === null) {
    const old =
      oldCompose && `only the stand-alone docker-compose ${oldCompose.version} (${oldCompose.path})`;
    return fail(old ?? 'not found', { needed });
  }
  const enough = isAtLeast(compose.version, composeMin);
  const found = `${compose.version}${compose.path === null ? '' : ` (${compose.path})`}`;
  if (enough === undefined) return unknown(`"${compose.version}" names no version.`);
  return enough ? pass(found, needed) : fail(found, { needed });
}

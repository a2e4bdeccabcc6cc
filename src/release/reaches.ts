// What reaches beyond the container, each with the permission that it needs.

import type { Allowance } from './schema.ts';
import { bindMounts, isEmpty, isMap, key, listOf } from './service-map.ts';
import type { At, ServiceMap } from './service-map.ts';
import type { Finding } from './shape.ts';
import { show } from './shape.ts';
import type { YamlPath } from './yaml-source.ts';

export interface Reach extends Finding {
  readonly allowance: Allowance;
}

const HOST_MODES: readonly { key: string; allowance: Allowance; what: string }[] = [
  { key: 'network_mode', allowance: 'host-network', what: "the machine's whole network" },
  { key: 'pid', allowance: 'host-pid', what: 'every process of the machine' },
  { key: 'ipc', allowance: 'host-ipc', what: "the machine's shared memory" },
  { key: 'userns_mode', allowance: 'unconfined', what: "the machine's user ids" },
  { key: 'cgroup', allowance: 'unconfined', what: "the machine's control groups" },
];

const ENGINE = 'the engine, and with it the whole machine,';

/** A variable could become anything by the time Compose reads it, so it counts as what it could become. */
export function reachesOf(service: ServiceMap, at: At): Reach[] {
  const reach = (allowance: Allowance, path: YamlPath, what: string): Reach => ({
    ...key(
      path,
      `This opens ${what} to the container.`,
      `Remove it, or say so: x-onstead: { allow: [${allowance}] }.`,
    ),
    allowance,
  });
  const found: Reach[] = [];
  if (service['privileged'] !== undefined && service['privileged'] !== false) {
    found.push(reach('privileged', at('privileged'), 'the whole machine'));
  }
  for (const mode of HOST_MODES) {
    if (/^host$|\$/.test(String(service[mode.key] ?? '')))
      found.push(reach(mode.allowance, at(mode.key), mode.what));
  }
  for (const { source, path } of bindMounts(service, at)) {
    if (/docker\.sock|containerd\.sock|podman\.sock/.test(source)) {
      found.push(reach('docker-socket', path, ENGINE));
    } else if (/^[/~]|\$/.test(source)) {
      found.push(reach('host-path', path, `${show(source)} of the machine`));
    }
  }
  for (const name of ['devices', 'device_cgroup_rules', 'gpus']) {
    if (!isEmpty(service[name])) found.push(reach('devices', at(name), 'devices of the machine'));
  }
  if (!isEmpty(reservedDevices(service))) {
    found.push(
      reach('devices', at('deploy', 'resources', 'reservations', 'devices'), 'devices of the machine'),
    );
  }
  if (service['use_api_socket'] !== undefined && service['use_api_socket'] !== false) {
    found.push(reach('docker-socket', at('use_api_socket'), ENGINE));
  }
  for (const hook of ['post_start', 'pre_stop']) {
    listOf(service[hook]).forEach((one, index) => {
      if (isMap(one) && one['privileged'] !== undefined && one['privileged'] !== false) {
        found.push(reach('privileged', at(hook, index, 'privileged'), 'the whole machine'));
      }
    });
  }
  if (!isEmpty(service['cap_add']))
    found.push(reach('capabilities', at('cap_add'), 'more rights in the kernel'));
  listOf(service['security_opt']).forEach((option, index) => {
    if (/unconfined|label[:=]disable|no-new-privileges[:=]false|\$/.test(String(option))) {
      found.push(reach('unconfined', at('security_opt', index), "calls that the kernel's filters stop"));
    }
  });
  return found;
}

function reservedDevices(service: ServiceMap): unknown {
  const deploy = mapIn(service, 'deploy');
  return mapIn(mapIn(deploy, 'resources'), 'reservations')['devices'];
}

function mapIn(thing: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
  const found = thing[name];
  return isMap(found) ? found : {};
}

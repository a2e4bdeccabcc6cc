// What reaches beyond the container, each with the permission that it needs.

import { ENGINE, openedBy, type Opened } from './host-paths.ts';
import type { Allowance } from './schema-services.ts';
import { bindMounts, isEmpty, isMap, key, listOf } from './service-map.ts';
import type { At, ServiceMap } from './service-map.ts';
import type { Finding } from './shape.ts';
import { show } from './shape.ts';
import type { YamlPath } from './yaml-source.ts';

export type Reach = Finding & Opened;

const HOST_MODES: readonly { key: string; allowance: Allowance; opens: string }[] = [
  { key: 'network_mode', allowance: 'host-network', opens: "the machine's whole network" },
  { key: 'pid', allowance: 'host-pid', opens: 'every process of the machine' },
  { key: 'ipc', allowance: 'host-ipc', opens: "the machine's shared memory" },
  { key: 'userns_mode', allowance: 'unconfined', opens: "the machine's user ids" },
  { key: 'cgroup', allowance: 'unconfined', opens: "the machine's control groups" },
  { key: 'uts', allowance: 'unconfined', opens: "the machine's name" },
];

/** A variable could become anything by the time Compose reads it, so it counts as what it could become. */
export function reachesOf(service: ServiceMap, at: At): Reach[] {
  const reach = (allowance: Allowance, path: YamlPath, opens: string): Reach => ({
    ...key(
      path,
      `This opens ${opens} to the container.`,
      `Remove it, or say so: x-onstead: { allow: [${allowance}] }.`,
    ),
    allowance,
    opens,
  });
  const found: Reach[] = [];
  if (service['privileged'] !== undefined && service['privileged'] !== false) {
    found.push(reach('privileged', at('privileged'), 'the whole machine'));
  }
  for (const mode of HOST_MODES) {
    if (/^host$|\$/.test(String(service[mode.key] ?? '')))
      found.push(reach(mode.allowance, at(mode.key), mode.opens));
  }
  for (const { source, path } of bindMounts(service, at)) {
    const opened = openedBy(source);
    if (opened !== undefined) found.push(reach(opened.allowance, path, opened.opens));
  }
  for (const name of ['devices', 'device_cgroup_rules', 'gpus']) {
    if (!isEmpty(service[name]))
      found.push(reach('devices', at(name), `devices of the machine${listed(service[name])}`));
  }
  if (!isEmpty(reservedDevices(service))) {
    found.push(
      reach('devices', at('deploy', 'resources', 'reservations', 'devices'), 'devices of the machine'),
    );
  }
  if (service['use_api_socket'] !== undefined && service['use_api_socket'] !== false) {
    found.push(reach(ENGINE.allowance, at('use_api_socket'), ENGINE.opens));
  }
  for (const hook of ['post_start', 'pre_stop']) {
    listOf(service[hook]).forEach((one, index) => {
      if (isMap(one) && one['privileged'] !== undefined && one['privileged'] !== false) {
        found.push(reach('privileged', at(hook, index, 'privileged'), 'the whole machine'));
      }
    });
  }
  if (!isEmpty(service['cap_add'])) {
    found.push(
      reach('capabilities', at('cap_add'), `more rights in the kernel${listed(service['cap_add'])}`),
    );
  }
  listOf(service['security_opt']).forEach((option, index) => {
    if (/unconfined|label[:=]disable|no-new-privileges[:=]false|\$/.test(String(option))) {
      found.push(reach('unconfined', at('security_opt', index), "calls that the kernel's filters stop"));
    }
  });
  return found;
}

/** `: SYS_ADMIN, NET_ADMIN`, so that an administrator need not ask the vendor which. */
function listed(thing: unknown): string {
  const words = listOf(thing).filter((one) => typeof one === 'string');
  return words.length === 0 ? '' : `: ${words.map((one) => show(one)).join(', ')}`;
}

function reservedDevices(service: ServiceMap): unknown {
  const deploy = mapIn(service, 'deploy');
  return mapIn(mapIn(deploy, 'resources'), 'reservations')['devices'];
}

function mapIn(thing: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
  const found = thing[name];
  return isMap(found) ? found : {};
}

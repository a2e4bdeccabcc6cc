// Ports, forwarding, packet filter, addresses, and networks that would collide.

import type { MachineFacts, NetworkFacts, PortHolder } from '../facts.ts';
import { overlaps } from '../parse/net.ts';
import { check, fail, forFamily, pass, skip, unknown, warn, type Check, type Finding } from './check.ts';

const USUAL_MTU = 1500;
/** Interfaces that the engine makes itself. */
const ENGINE_INTERFACE = /^(docker|br-|veth)/;

export const networkChecks: readonly Check[] = [
  check({
    id: 'ports',
    area: 'network',
    title: 'Ports of the edge',
    needed: 'free, or held by this stack already',
    remedy:
      'Stop what holds the port and keep it from starting again, or choose other ports in /etc/onstead/onstead.yaml.',
    needs: ['ports'],
    judge: ({ ports, os }) => {
      const isRoot = os?.uid === 0;
      const taken = ports.ports.flatMap(({ port, holders }) =>
        holders.filter((one) => !one.ours).map((holder) => ({ port, holder })),
      );
      const names = ports.ports.map((one) => one.port).join(' and ');
      if (taken.length === 0)
        return pass(ports.ports.every((one) => one.free) ? `${names} free` : `${names} ours`);
      const sentences = new Set(
        taken.map(({ port, holder }) => `port ${port} is taken by ${holderName(holder, isRoot)}`),
      );
      return fail([...sentences].join('; '), {
        fix: [...new Set(taken.map(({ port, holder }) => freeing(port, holder, isRoot)))].join('; '),
      });
    },
  }),
  check({
    id: 'ip-forward',
    area: 'network',
    title: 'Forwarding of packets',
    needed: 'net.ipv4.ip_forward=1, or an engine that can set it',
    remedy:
      'echo net.ipv4.ip_forward=1 > /etc/sysctl.d/63-onstead.conf && sysctl -p /etc/sysctl.d/63-onstead.conf',
    needs: ['kernel'],
    judge: ({ kernel, engine }) => {
      if (kernel.ipForward === null) return unknown('The kernel does not say.');
      if (kernel.ipForward === 1) return pass('on');
      // An engine sets it when it starts; one that runs without it will not do so any more.
      return engine?.details
        ? fail('off, and the engine is running')
        : warn('off; the engine sets it when it starts');
    },
  }),
  check({
    id: 'packet-filter',
    area: 'network',
    title: 'Packet filter',
    needed: 'iptables with a nat table that works',
    remedy:
      'Debian family: apt-get install -y iptables; RHEL family: dnf install -y iptables-nft. If it is there and fails: modprobe ip_tables nf_nat, or restart into the kernel whose modules are installed.',
    needs: ['firewall'],
    judge: ({ firewall, engine, os }) => {
      const fix = forFamily(os, 'apt-get install -y iptables', 'dnf install -y iptables-nft');
      if (firewall.iptables === null) {
        // Newer engines can do with nftables alone, and one that runs has found what it needs.
        const runs = engine?.details != null && firewall.nft !== null;
        const found = 'iptables is not installed';
        return runs ? warn(`${found}; the engine runs with nftables`, { fix }) : fail(found, { fix });
      }
      const { version, usable, reason } = firewall.iptables;
      if (usable === null)
        return unknown(
          `${version}; ${reason ?? 'whether it works is not known.'}`,
          'Run the same command as root.',
        );
      if (usable) return pass(version);
      return fail(`${version}: ${reason ?? 'it fails'}`, {
        fix: `modprobe nf_nat; if that fails too: ${forFamily(os, 'apt-get install -y linux-image-amd64', 'dnf install -y kernel-modules')} and restart the machine`,
      });
    },
  }),
  check({
    id: 'address',
    area: 'network',
    title: 'Address of this machine',
    needed: 'an interface that is up and has an address',
    remedy:
      'Connect the machine and give it an address: `ip -brief address` shows what there is, `nmtui` or /etc/network/interfaces changes it.',
    needs: ['network'],
    judge: ({ network }) => {
      const addresses = network.interfaces
        .filter((one) => one.up && one.kind !== 'loopback' && !ENGINE_INTERFACE.test(one.name))
        .flatMap((one) =>
          one.addresses
            .filter((address) => !address.startsWith('fe80:'))
            .map((address) => `${address} on ${one.name}`),
        );
      return addresses.length === 0
        ? warn('none: only this machine itself could use the app')
        : pass(addresses.join(', '));
    },
  }),
  check({
    id: 'link-speed',
    area: 'network',
    title: 'Speed of the link',
    needed: '1 Gbit/s',
    remedy: 'Look at cable and switch port, and at what was agreed: ethtool INTERFACE (package ethtool).',
    needs: ['network'],
    judge: ({ network, os }) => {
      const speeds = network.interfaces.filter(
        (one) => one.up && one.kind === 'physical' && one.speedMbps !== null,
      );
      const best = speeds.toSorted((a, b) => b.speedMbps! - a.speedMbps!)[0];
      if (best === undefined) {
        const virtual = ['vm', 'container'].includes(os?.virtualization.kind ?? '');
        return virtual
          ? skip('Virtual interfaces have no speed of their own.')
          : unknown('No interface that is up tells its speed.');
      }
      const found = `${best.speedMbps} Mbit/s on ${best.name}`;
      const fix = `Look at cable and switch port, and at what was agreed: ethtool ${best.name} (package ethtool).`;
      return best.speedMbps! < 1_000 ? warn(found, { fix }) : pass(found);
    },
  }),
  check({
    id: 'mtu',
    area: 'network',
    title: 'Packet size of container networks',
    needed: "no larger than the outer interface's",
    remedy:
      'Put {"mtu": N} with the size of the outer interface into /etc/docker/daemon.json, then systemctl restart docker.',
    needs: ['network'],
    judge: ({ network, engine, os }) => {
      if (network.defaultRoute === null) return skip('No default route: containers talk to nobody outside.');
      const outer = network.interfaces.find((one) => one.name === network.defaultRoute?.interface);
      if (outer?.mtu === null || outer === undefined)
        return unknown('The outer interface does not tell its packet size.');
      const bridge = engine?.details?.networks.find((one) => one.name === 'bridge')?.mtu ?? USUAL_MTU;
      const found = `${bridge} in containers, ${outer.mtu} on ${outer.name}`;
      if (bridge <= outer.mtu) return pass(found);
      const restart =
        os?.systemd === false ? 'stop `dockerd` and start it again' : 'systemctl restart docker';
      const fix = `Put {"mtu": ${outer.mtu}} into /etc/docker/daemon.json, then ${restart}.`;
      return warn(`${found}: what containers send outside may hang`, { fix });
    },
  }),
  check({
    id: 'subnets',
    area: 'network',
    title: 'Networks of the containers',
    needed: 'none that this machine already reaches otherwise',
    remedy:
      'Give the engine other ranges, for example {"default-address-pools": [{"base": "10.201.0.0/16", "size": 24}]} in /etc/docker/daemon.json, then systemctl restart docker and make the network anew.',
    needs: ['network'],
    judge: (facts, demand) => judgeSubnets(facts.network, facts, demand.subnets),
  }),
  check({
    id: 'name-resolution',
    area: 'network',
    title: 'Name servers',
    needed: 'one, where the machine has a way out',
    remedy:
      'Name one in /etc/resolv.conf (nameserver ADDRESS), or through systemd-resolved or NetworkManager. Offline none is needed.',
    needs: ['network'],
    judge: ({ network }) => {
      if (network.defaultRoute === null && !network.defaultRouteV6)
        return skip('No default route: offline, none is needed.');
      return network.nameservers.length === 0
        ? warn('none in /etc/resolv.conf')
        : pass(network.nameservers.join(', '));
    },
  }),
  check({
    id: 'proxy',
    area: 'network',
    title: 'Proxy settings',
    needed: 'none, or localhost spared',
    remedy: 'export NO_PROXY=localhost,127.0.0.1,::1 no_proxy=localhost,127.0.0.1,::1',
    needs: ['network'],
    judge: ({ network: { proxy } }) => {
      if (proxy.variables.length === 0) return pass('none');
      const found = `${proxy.variables.join(', ')} set`;
      return proxy.sparesLocalhost
        ? pass(`${found}, localhost spared`)
        : warn(`${found}, also for localhost`);
    },
  }),
];

function holderName({ pid, program, script, container }: PortHolder, isRoot: boolean): string {
  if (container !== null) return `the container ${container}`;
  if (pid === null) return isRoot ? 'a program that hides from root' : 'a program that only root can see';
  if (program === null) return `process ${pid}`;
  return `${program}${script === null ? '' : ` ${script}`} (process ${pid})`;
}

function freeing(port: number, { pid, program, unit, container }: PortHolder, isRoot: boolean): string {
  if (container !== null) return `docker stop ${container}`;
  if (pid === null && isRoot)
    return `Look for it outside of this container or machine (ss -ltnp 'sport = :${port}'), or choose another port in /etc/onstead/onstead.yaml`;
  if (pid === null) return 'Run the same command as root to see which program it is.';
  if (program === 'docker-proxy') return `docker stop $(docker ps --quiet --filter publish=${port})`;
  if (unit !== null) return `systemctl disable --now ${unit}`;
  return `kill ${pid}, and keep what started it from starting it again`;
}

function judgeSubnets(
  network: NetworkFacts,
  { engine, missing }: MachineFacts,
  planned: readonly string[],
): Finding {
  const routes = network.routes.filter((route) => !ENGINE_INTERFACE.test(route.interface));
  const inner = (engine?.details?.networks ?? []).flatMap((one) =>
    one.subnets.map((subnet) => ({ subnet, name: `the engine's network ${one.name}` })),
  );
  const wanted = [...inner, ...planned.map((subnet) => ({ subnet, name: 'the stack' }))];
  for (const { subnet, name } of wanted) {
    const route = routes.find((one) => overlaps(one.network, subnet));
    if (route !== undefined)
      return fail(`${subnet} of ${name} and ${route.network} on ${route.interface} overlap`);
  }
  for (const subnet of planned) {
    const other = inner.find((one) => overlaps(one.subnet, subnet));
    if (other !== undefined)
      return warn(`${subnet} of the stack and ${other.subnet} of ${other.name} overlap`);
  }
  if (!engine?.details) return unknown(missing.engine ?? 'The engine does not say which networks it has.');
  return pass(`no overlap (networks: ${wanted.length}, routes: ${routes.length})`);
}

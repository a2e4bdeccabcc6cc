// Ports, forwarding, packet filter and networks, and what a person is told.

import { nothing, type Case } from './case.ts';

const unseenHolder = {
  port: 443,
  free: false,
  holders: [
    { address: '::', pid: null, program: null, script: null, unit: null, container: null, ours: false },
  ],
};

export const networkCases: readonly Case[] = [
  {
    when: 'a program holds port 80',
    id: 'ports',
    status: 'fail',
    change: (f) =>
      (f.ports.ports[0] = {
        port: 80,
        free: false,
        holders: [
          {
            address: '0.0.0.0',
            pid: 812,
            program: 'apache2',
            script: null,
            unit: null,
            container: null,
            ours: false,
          },
        ],
      }),
    says: /port 80 is taken by apache2 \(process 812\)/,
    fix: /^kill 812, and keep what started it/,
  },
  {
    when: 'a service holds port 80',
    id: 'ports',
    status: 'fail',
    change: (f) =>
      (f.ports.ports[0] = {
        port: 80,
        free: false,
        holders: [
          {
            ...{ address: '0.0.0.0', pid: 812, program: 'python3.11', script: '/srv/app.py' },
            ...{ unit: 'shop.service', container: null, ours: false },
          },
        ],
      }),
    says: /port 80 is taken by python3\.11 \/srv\/app\.py \(process 812\)/,
    fix: /^systemctl disable --now shop\.service$/,
  },
  {
    when: 'an unknown container holds port 443',
    id: 'ports',
    status: 'fail',
    change: (f) =>
      (f.ports.ports[1] = {
        port: 443,
        free: false,
        holders: [
          {
            ...{ address: '::', pid: 9, program: 'docker-proxy', script: null },
            ...{ unit: null, container: null, ours: false },
          },
        ],
      }),
    says: /docker-proxy \(process 9\)/,
    fix: /^docker stop \$\(docker ps --quiet --filter publish=443\)$/,
  },
  {
    when: 'a container holds port 443',
    id: 'ports',
    status: 'fail',
    change: (f) =>
      (f.ports.ports[1] = {
        port: 443,
        free: false,
        holders: [
          {
            address: '0.0.0.0',
            pid: 9,
            program: 'docker-proxy',
            script: null,
            unit: null,
            container: 'traefik',
            ours: false,
          },
        ],
      }),
    says: /the container traefik/,
    fix: /^docker stop traefik$/,
  },
  {
    when: 'the holder cannot be seen',
    id: 'ports',
    status: 'fail',
    change: (f) => {
      f.os.uid = 1000;
      f.ports.ports[1] = unseenHolder;
    },
    says: /only root can see/,
    fix: /as root/,
  },
  {
    when: 'the holder cannot be seen even by root',
    id: 'ports',
    status: 'fail',
    change: (f) => (f.ports.ports[1] = unseenHolder),
    says: /hides from root/,
    fix: /^(?!.*as root).*another port/,
  },
  {
    when: 'the stack itself holds the port',
    id: 'ports',
    status: 'pass',
    change: (f) =>
      (f.ports.ports[1] = {
        port: 443,
        free: false,
        holders: [
          {
            address: '::',
            pid: 7,
            program: 'docker-proxy',
            script: null,
            unit: null,
            container: 'notes-edge-1',
            ours: true,
          },
        ],
      }),
  },
  {
    when: 'forwarding is off under a running engine',
    id: 'ip-forward',
    status: 'fail',
    change: (f) => (f.kernel.ipForward = 0),
  },
  {
    when: 'forwarding is off and no engine runs yet',
    id: 'ip-forward',
    status: 'warn',
    change: (f) => {
      f.kernel.ipForward = 0;
      f.engine.details = null;
    },
  },
  {
    when: 'iptables is missing',
    id: 'packet-filter',
    status: 'fail',
    change: (f) => (f.firewall = { iptables: null, nft: null }),
    fix: /apt-get install -y iptables/,
  },
  {
    when: 'iptables fails',
    id: 'packet-filter',
    status: 'fail',
    change: (f) => Object.assign(f.firewall.iptables!, { usable: false, reason: 'Table does not exist' }),
    says: /Table does not exist/,
  },
  {
    when: 'only root could tell about iptables',
    id: 'packet-filter',
    status: 'unknown',
    change: (f) => (f.firewall.iptables!.usable = null),
  },
  {
    when: 'no interface has an address',
    id: 'address',
    status: 'warn',
    change: (f) => (f.network.interfaces[1]!.addresses = []),
  },
  {
    when: 'the link runs at 100 Mbit/s',
    id: 'link-speed',
    status: 'warn',
    change: (f) => (f.network.interfaces[1]!.speedMbps = 100),
    fix: /ethtool eth0/,
  },
  {
    when: 'a virtual link has no speed',
    id: 'link-speed',
    status: 'skip',
    change: (f) => (f.network.interfaces[1]!.speedMbps = null),
  },
  {
    when: 'the outer link takes smaller packets',
    id: 'mtu',
    status: 'warn',
    change: (f) => (f.network.interfaces[1]!.mtu = 1_400),
    fix: /"mtu": 1400/,
  },
  {
    when: 'the outer link takes smaller packets, without systemd',
    id: 'mtu',
    status: 'warn',
    change: (f) => {
      f.network.interfaces[1]!.mtu = 1_400;
      f.os.systemd = false;
    },
    fix: /"mtu": 1400.*, then stop `dockerd` and start it again\.$/,
  },
  {
    when: 'the outer link does not tell',
    id: 'mtu',
    status: 'unknown',
    change: (f) => (f.network.interfaces[1]!.mtu = null),
  },
  {
    when: "the company's network is the engine's too",
    id: 'subnets',
    status: 'fail',
    change: (f) => f.network.routes.push({ network: '172.16.0.0/12', interface: 'tun0' }),
    says: /tun0/,
  },
  {
    when: "the stack's network is another container network",
    id: 'subnets',
    status: 'warn',
    change: nothing,
    demand: { subnets: ['172.17.4.0/24'] },
  },
  {
    when: "the stack's network is one of this machine's",
    id: 'subnets',
    status: 'fail',
    change: nothing,
    demand: { subnets: ['192.0.2.0/25'] },
  },
  {
    when: "the engine's networks are not known",
    id: 'subnets',
    status: 'unknown',
    change: (f) => (f.engine.details = null),
  },
  {
    when: 'there is a way out and no name server',
    id: 'name-resolution',
    status: 'warn',
    change: (f) => (f.network.nameservers = []),
  },
  {
    when: 'there is no way out',
    id: 'name-resolution',
    status: 'skip',
    change: (f) => (f.network.defaultRoute = null),
  },
  {
    when: 'a proxy is set for localhost too',
    id: 'proxy',
    status: 'warn',
    change: (f) => (f.network.proxy.variables = ['HTTPS_PROXY']),
    fix: /NO_PROXY/,
  },
  {
    when: 'a proxy spares localhost',
    id: 'proxy',
    status: 'pass',
    change: (f) => (f.network.proxy = { variables: ['HTTPS_PROXY'], sparesLocalhost: true }),
  },
  {
    when: 'a running engine does with nftables',
    id: 'packet-filter',
    status: 'warn',
    change: (f) => (f.firewall.iptables = null),
  },
];

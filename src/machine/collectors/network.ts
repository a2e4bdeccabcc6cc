// Interfaces, addresses, routes, name servers, proxies; and which packet filter tools there are.

import { networkInterfaces } from 'node:os';
import type { NetworkInterface } from '../facts.ts';
import { hasDefaultRouteV6, parseNameservers, parseRoutes } from '../parse/net.ts';
import { parseNumber } from '../parse/proc.ts';
import type { Source } from '../source.ts';
import type { Collector } from './context.ts';
import { printable } from '../printable.ts';

const DEFAULT = '0.0.0.0/0';

export const collectNetwork: Collector<'network'> = async (source) => {
  const routes = parseRoutes((await source.text('/proc/net/route')) ?? '');
  const main = routes.find((route) => route.network === DEFAULT);
  const names = await source.list('/sys/class/net');
  return {
    interfaces: await Promise.all(names.map((name) => interfaceOf(source, name))),
    defaultRoute: main === undefined ? null : { interface: main.interface, gateway: main.gateway },
    defaultRouteV6: hasDefaultRouteV6((await source.text('/proc/net/ipv6_route')) ?? ''),
    ipv6: ((await source.text('/proc/net/if_inet6')) ?? '').trim() !== '',
    routes: routes
      .filter((route) => route.network !== DEFAULT)
      .map(({ network, interface: name }) => ({ network, interface: name })),
    nameservers: [...parseNameservers((await source.text('/etc/resolv.conf')) ?? '')],
    proxy: proxyOf(process.env),
  };
};

async function interfaceOf(source: Source, name: string): Promise<NetworkInterface> {
  const read = async (file: string): Promise<string | undefined> =>
    (await source.text(`/sys/class/net/${name}/${file}`))?.trim();
  const speed = parseNumber(await read('speed'));
  const state = await read('operstate');
  return {
    name: printable(name),
    kind: await kindOf(source, name),
    up: state === 'up' || (state === 'unknown' && (await read('carrier')) === '1'),
    // A link that does not know its speed says -1.
    speedMbps: speed === null || speed <= 0 ? null : speed,
    mtu: parseNumber(await read('mtu')),
    addresses: (networkInterfaces()[name] ?? []).map((one) => one.cidr ?? one.address),
  };
}

async function kindOf(source: Source, name: string): Promise<NetworkInterface['kind']> {
  if (name === 'lo') return 'loopback';
  return (await source.exists(`/sys/class/net/${name}/device`)) ? 'physical' : 'virtual';
}

const PROXY_NAMES = ['http_proxy', 'https_proxy', 'all_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'];

export function proxyOf(env: NodeJS.ProcessEnv): { variables: string[]; sparesLocalhost: boolean } {
  const spared = `${env['no_proxy'] ?? ''},${env['NO_PROXY'] ?? ''}`.split(',').map((name) => name.trim());
  return {
    variables: PROXY_NAMES.filter((name) => env[name]),
    sparesLocalhost: spared.some((name) => ['localhost', '127.0.0.1', '127.0.0.0/8', '*'].includes(name)),
  };
}

export const collectFirewall: Collector<'firewall'> = async (source) => {
  const path = await source.which('iptables');
  const nft = (await source.which('nft')) ?? null;
  if (path === undefined) return { iptables: null, nft };
  const version = (await source.command('iptables', ['--version']))?.stdout.trim() ?? '';
  if (process.getuid?.() !== 0) {
    source.unseen.push('Only root can see whether the packet filter works.');
    return { iptables: { path, version, usable: null, reason: 'Only root can tell.' }, nft };
  }
  // Reads one chain; the engine needs exactly this table to publish ports.
  const tried = await source.command('iptables', ['-w', '1', '-t', 'nat', '-S', 'PREROUTING']);
  const reason = tried?.code === 0 ? null : printable(tried?.stderr.trim() || 'It gave no answer.');
  return { iptables: { path, version, usable: tried === undefined ? null : tried.code === 0, reason }, nft };
};

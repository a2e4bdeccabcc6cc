// /proc/net/* as values, and a little arithmetic on IPv4 networks. Pure.

export interface Listener {
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

const LISTENING = '0A';

/** The listening rows of /proc/net/tcp and /proc/net/tcp6. */
export function parseListeners(text: string): readonly Listener[] {
  return text.split('\n').flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const [hex, port] = (columns[1] ?? '').split(':');
    if (columns[3] !== LISTENING || hex === undefined || port === undefined) return [];
    return [{ address: addressOf(hex), port: Number.parseInt(port, 16), inode: columns[9] ?? '0' }];
  });
}

/** The kernel prints each 32-bit word in the machine's byte order, which is little-endian on x64 and arm64. */
function addressOf(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).toReversed());
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => `${bytes[2 * i]}${bytes[2 * i + 1]}`);
  const plain = groups.map((group) => group.toLowerCase().replace(/^0{1,3}/, '')).join(':');
  if (plain === '0:0:0:0:0:0:0:0') return '::';
  return plain === '0:0:0:0:0:0:0:1' ? '::1' : plain;
}

export interface Route {
  readonly interface: string;
  /** `172.17.0.0/16` */
  readonly network: string;
  readonly gateway: string;
}

const ROUTE_UP = 1;

/** /proc/net/route; the default route is the one with the network `0.0.0.0/0`. */
export function parseRoutes(text: string): readonly Route[] {
  return text.split('\n').flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const [name, destination, gateway, flags] = columns;
    const mask = columns[7];
    if (mask === undefined || !/^[0-9A-F]{8}$/i.test(destination ?? '')) return [];
    if ((Number.parseInt(flags!, 16) & ROUTE_UP) === 0) return [];
    const network = `${addressOf(destination!)}/${bitsOf(Number.parseInt(mask, 16))}`;
    return [{ interface: name!, network, gateway: addressOf(gateway!) }];
  });
}

/** Whether /proc/net/ipv6_route has a default route that is not a reject. */
export function hasDefaultRouteV6(text: string): boolean {
  return text.split('\n').some((line) => {
    const columns = line.trim().split(/\s+/);
    return /^0{32}$/.test(columns[0] ?? '') && columns[1] === '00' && columns[9] !== 'lo';
  });
}

export function parseNameservers(text: string): readonly string[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1]!);
}

/** Whether two IPv4 networks share an address; false for anything that is not one. */
export function overlaps(one: string, other: string): boolean {
  const [a, b] = [rangeOf(one), rangeOf(other)];
  return a !== undefined && b !== undefined && a.first <= b.last && b.first <= a.last;
}

function rangeOf(network: string): { first: number; last: number } | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(network);
  if (match === null) return undefined;
  const [a, b, c, d, bits] = match.slice(1).map(Number) as [number, number, number, number, number];
  if (Math.max(a, b, c, d) > 255 || bits > 32) return undefined;
  const size = 2 ** (32 - bits);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}

function bitsOf(mask: number): number {
  let bits = 0;
  for (let rest = mask >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) bits += 1;
  return bits;
}

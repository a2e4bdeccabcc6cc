// Which replicas answer at the edge, as nginx reads it. Pure. A file of its own beside nginx.conf: it is what changes
// while replicas are replaced, and it carries a mark by which a reload is seen to have happened.

import { createHash } from 'node:crypto';

export const upstreamsFile = 'upstreams.conf';
/** Below nginx.conf's status server; answers with the mark of what nginx works by. */
export const markPath = '/config';
/** Where a request asks whether it may go on, while requests are held. */
export const mayGoOnPath = '/.onstead/may-go-on';
export const mayGoOnPort = 8078;

const UPSTREAM = 'upstream app {';

/** Whether a file of the stack's folder is this one. */
export function isUpstreams(path: string): boolean {
  return path.endsWith(`/${upstreamsFile}`);
}

/** The service behind the edge. */
export interface EdgeApp {
  readonly name: string;
  readonly port: number;
}

/** One replica. By address: a name that nginx has not asked for yet is nobody for some milliseconds after a reload. */
export interface EdgeServer {
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  /** Its container's id: after a restart of the engine an address may be somebody else's. */
  readonly replica?: string;
}

/**
 * `all`: whoever the engine names by the service's name. `listed`: these alone. `joining`: these, while nginx finds
 * out who answers to the name; without that step in between a request may meet a name that has no address yet.
 */
export type EdgeTargets =
  { readonly kind: 'all' } | { readonly kind: 'listed' | 'joining'; readonly servers: readonly EdgeServer[] };

/** `conf` is the nginx.conf that includes it: the mark tells of both. */
export function renderUpstreams(app: EdgeApp, targets: EdgeTargets, conf: string): string {
  const lines = [
    ...(targets.kind === 'all' ? [] : targets.servers.map(serverLine)),
    ...(targets.kind === 'listed' ? [] : [`server ${app.name}:${app.port} resolve max_fails=0;`]),
  ];
  return marked(
    `${UPSTREAM}
  zone app 256k;
  ${lines.join('\n  ')}
  keepalive 32;
  # Below the app's own limit, so that nginx is the one that closes idle connections.
  keepalive_timeout 30s;
}
`,
    conf,
  );
}

/** The same, and each request asks first whether it may go on; an answer is waited for so long. */
export function askingFirst(upstreams: string, conf: string, patienceSeconds: number): string {
  const asks = `auth_request ${mayGoOnPath};\nproxy_read_timeout ${patienceSeconds}s;\n\n`;
  return marked(asks + upstreamIn(upstreams), conf);
}

export function notAsking(upstreams: string, conf: string): string {
  return marked(upstreamIn(upstreams), conf);
}

/** The mark that a text of these was rendered with. */
export function markIn(upstreams: string): string | undefined {
  return /^ {2}default ([0-9a-f]{16});$/m.exec(upstreams)?.[1];
}

const ADDRESSED = /^ {2}server \d+\.\d+\.\d+\.\d+:/m;
const SERVER = /^ {2}server (\d+\.\d+\.\d+\.\d+):(\d+) weight=(\d+) max_fails=0;(?: # ([0-9a-f]+))?$/gm;

/** The replicas that it names by address. */
export function serversIn(upstreams: string): EdgeServer[] {
  return [...upstreams.matchAll(SERVER)].map(([, address, port, weight, replica]) => ({
    ...{ address: address!, port: Number(port), weight: Number(weight) },
    ...(replica === undefined ? {} : { replica }),
  }));
}

/** The same with others in place of the replicas that it names; a name beside them stays. */
export function withServers(upstreams: string, servers: readonly EdgeServer[], conf: string): string {
  const body = upstreamIn(upstreams);
  const first = body.search(ADDRESSED);
  const lines = servers.map((server) => `  ${serverLine(server)}\n`).join('');
  const others = body.replaceAll(new RegExp(`${ADDRESSED.source}.*\\n`, 'gm'), '');
  return marked(others.slice(0, first) + lines + others.slice(first), conf);
}

export function isAsking(upstreams: string): boolean {
  return upstreams.includes(`auth_request ${mayGoOnPath};`);
}

function marked(body: string, conf: string): string {
  const mark = createHash('sha256').update(conf).update('\n').update(body).digest('hex').slice(0, 16);
  return `# Written by Onstead; changes here are overwritten.
map '' $onstead_mark {
  default ${mark};
}

${body}`;
}

function upstreamIn(upstreams: string): string {
  return upstreams.slice(upstreams.indexOf(UPSTREAM));
}

const ID_SHOWN = 12;

function serverLine({ address, port, weight, replica }: EdgeServer): string {
  const whose = replica === undefined ? '' : ` # ${replica.slice(0, ID_SHOWN)}`;
  return `server ${address}:${port} weight=${weight} max_fails=0;${whose}`;
}

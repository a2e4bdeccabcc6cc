// Which replicas answer at the edge, as nginx reads it. Pure. A file of its own beside nginx.conf: it is what changes
// while replicas are replaced, and it carries a mark by which a reload is seen to have happened.

import { createHash } from 'node:crypto';

export const upstreamsFile = 'upstreams.conf';
/** Below nginx.conf's status server; answers with the mark of what nginx works by. */
export const markPath = '/config';

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
  return `# Written by Onstead; changes here are overwritten.
map '' $onstead_mark {
  default ${markOf(conf, lines)};
}

upstream app {
  zone app 256k;
  ${lines.join('\n  ')}
  keepalive 32;
  # Below the app's own limit, so that nginx is the one that closes idle connections.
  keepalive_timeout 30s;
}
`;
}

/** The mark that a text of these was rendered with. */
export function markIn(upstreams: string): string | undefined {
  return /^ {2}default ([0-9a-f]{16});$/m.exec(upstreams)?.[1];
}

function markOf(conf: string, lines: readonly string[]): string {
  return createHash('sha256')
    .update([conf, ...lines].join('\n'))
    .digest('hex')
    .slice(0, 16);
}

function serverLine({ address, port, weight }: EdgeServer): string {
  return `server ${address}:${port} weight=${weight} max_fails=0;`;
}

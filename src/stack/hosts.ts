// Every name and address that the edge's certificate has to cover.

import type { Settings } from './settings.ts';

export function hostsOf(hostname: string | undefined, { edge }: Settings): string[] {
  const own = hostname === undefined ? [] : [hostname];
  return [...new Set([...edge.names, 'localhost', ...own, '127.0.0.1', '::1'])];
}

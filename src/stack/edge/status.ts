// nginx's own words about itself: a server inside the edge's network that nobody outside reaches.

import type { Engine } from '../../engine/index.ts';

export const statusPort = 8079;

/** Whichever client the image has. */
export function askInShell(path: string, silent = false): string {
  const url = `http://127.0.0.1:${statusPort}${path}`;
  const [curl, wget] = silent ? ['-fsS -o /dev/null', '-q -O /dev/null'] : ['-fsS', '-q -O -'];
  return `u=${url}; if command -v curl >/dev/null; then curl ${curl} "$u"; else wget ${wget} "$u"; fi`;
}

/** The answer to a path of the status server; undefined where there is none. */
export async function askEdgeInside(
  engine: Engine,
  container: string,
  path: string,
): Promise<string | undefined> {
  const { code, stdout } = await engine.containers.exec(container, {
    cmd: ['sh', '-c', askInShell(path)],
    timeoutMs: 10_000,
  });
  return code === 0 ? stdout.trim() : undefined;
}

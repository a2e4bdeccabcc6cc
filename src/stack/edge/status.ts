// nginx's own words about itself: a server inside the edge's network that nobody outside reaches. While nginx is replaced
// two of them share that network, so each is asked over a socket that lies in its own container's memory.

import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Engine } from '../../engine/index.ts';

export const statusPort = 8079;
/** In the container's own `/tmp`, which is gone with it. */
export const statusSocket = '/tmp/status.sock';
export const countersPath = '/status';

const ANSWERS_WITHIN_MS = 5_000;

/** Whichever client the image has. */
export function askInShell(path: string, silent = false): string {
  const url = `http://127.0.0.1:${statusPort}${path}`;
  const [curl, wget] = silent ? ['-fsS -o /dev/null', '-q -O /dev/null'] : ['-fsS', '-q -O -'];
  return `u=${url}; if command -v curl >/dev/null; then curl ${curl} "$u"; else wget ${wget} "$u"; fi`;
}

/** What the nginx of this very container answers to a path of its status server; undefined where it answers nothing. */
export async function askNginx(engine: Engine, container: string, path: string): Promise<string | undefined> {
  const pid = (await engine.containers.inspect(container))?.pid ?? 0;
  if (pid === 0) return undefined;
  return askSocket(`/proc/${pid}/root${statusSocket}`, path);
}

function askSocket(socketPath: string, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const nobody = (): void => resolve(undefined);
    const options = { socketPath, path, agent: false, timeout: ANSWERS_WITHIN_MS };
    const asked = request(options, (answer) => {
      text(answer).then((said) => resolve(answer.statusCode === 200 ? said.trim() : undefined), nobody);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', nobody);
    asked.end();
  });
}

/** Requests that nginx has begun and not ended, this question left out; websockets and downloads count. */
export async function requestsUnderWay(engine: Engine, container: string): Promise<number> {
  const counters = (await askNginx(engine, container, countersPath)) ?? '';
  return Math.max(0, Number(/Writing: (\d+)/.exec(counters)?.[1] ?? 1) - 1);
}

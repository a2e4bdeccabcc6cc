// nginx's workers as the machine itself sees them. A reload begins new ones and tells the old ones to end, and they say so
// in their titles: that is how a reload is seen to have happened where no word of the configuration changed.

import { readFile } from 'node:fs/promises';
import type { Engine } from '../../engine/index.ts';

const WORKER = /^nginx: worker process\s*$/;

/** Ids of the workers that take new requests. */
export async function workersOf(engine: Engine, container: string): Promise<number[]> {
  const pid = (await engine.containers.inspect(container))?.pid ?? 0;
  const below = pid === 0 ? [] : await descendantsOf(pid);
  const titles = await Promise.all(below.map(titleOf));
  return below.filter((_, at) => WORKER.test(titles[at]!));
}

/** An init of the image's own may stand between the container's first process and nginx. */
async function descendantsOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const children = text.split(' ').filter(Boolean).map(Number);
  return [...children, ...(await Promise.all(children.map(descendantsOf))).flat()];
}

async function titleOf(pid: number): Promise<string> {
  const title = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return title.replaceAll('\0', ' ');
}

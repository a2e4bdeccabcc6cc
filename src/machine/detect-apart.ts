// Looking at the machine in a process of its own: two dozen small programs, their output and the validator of the
// facts are 10 MB that a daemon would keep for good.

import { askWorker } from '../base/worker.ts';
import type { CollectOptions } from './collect.ts';
import type { MachineFacts } from './facts.ts';

/** What crosses a process border must be data. */
export type DetectOptions = Omit<CollectOptions, 'collectors'>;

export function detectMachineApart(options: DetectOptions = {}): Promise<MachineFacts> {
  // The environment is a part of what is looked at: PATH, DOCKER_HOST, proxies.
  return askWorker<DetectOptions, MachineFacts>(import.meta.url, './workers/detect-worker', options, {
    env: process.env,
  });
}

// Who gets the processor first where there is not enough of it: the people who use the stack, then we.

import { setPriority } from 'node:os';

/** A kernel's `nice`: the daemon and what it starts get about a third of the share that a service has. */
const BEHIND_SERVICES = 5;

/** For this process and those that it starts. Where it is not allowed, everything works all the same. */
export function yieldToRequests(): void {
  changeTo(BEHIND_SERVICES);
}

/** For a process that people wait for: it is part of their requests. */
export function actAsService(): void {
  changeTo(0);
}

function changeTo(priority: number): void {
  try {
    setPriority(priority);
  } catch {
    // A container without the right to it, for example.
  }
}

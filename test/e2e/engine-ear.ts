// Hears what the engine did to the containers of a stack while something went on: its own memory is short.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { TestAppliance } from './appliance.ts';

export interface Heard {
  readonly atMs: number;
  /** `create`, `start`, `kill`, `die`, `destroy`. */
  readonly action: string;
  readonly id: string;
  readonly service: string;
  /** Of `kill`: `3` is what tells nginx to end its answers. */
  readonly signal: string | undefined;
}

const ACTIONS = ['create', 'start', 'kill', 'die', 'destroy'];

interface EngineEvent {
  readonly Action: string;
  readonly timeNano: number;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

/** `heard` grows as it happens. Containers for one command are left out. */
export function listenToEngine({ project }: Pick<TestAppliance, 'project'>): {
  readonly heard: readonly Heard[];
  stop(): void;
} {
  const filters = [
    `label=com.docker.compose.project=${project}`,
    ...ACTIONS.map((action) => `event=${action}`),
  ].flatMap((filter) => ['--filter', filter]);
  const child = spawn('docker', ['events', '--format', '{{json .}}', ...filters]);
  const heard: Heard[] = [];
  createInterface(child.stdout).on('line', (line) => {
    const { Action, timeNano, Actor } = JSON.parse(line) as EngineEvent; // the engine's own form
    const { 'com.docker.compose.oneoff': oneOff, signal } = Actor.Attributes;
    const service = Actor.Attributes['com.docker.compose.service'] ?? '';
    if (oneOff === 'True') return;
    heard.push({ atMs: timeNano / 1e6, action: Action, id: Actor.ID, service, signal });
  });
  return { heard, stop: () => void child.kill() };
}

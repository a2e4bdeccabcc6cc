// What a person does about services that are not well: those that do not run are brought up, the others asked.

import { formatDuration } from '../base/units.ts';
import type { ServiceAnswer, StatusAnswer } from './schemas.ts';

type Attention = StatusAnswer['attention'];
type Replica = ServiceAnswer['replicas'][number];

export function attentionToServices(ill: readonly ServiceAnswer[], now: Date): Attention {
  const down = ill.filter(isDown);
  const speaking = ill.filter((service) => !isDown(service));
  return [
    ...attentionToDown(down, now),
    ...speaking.map(({ name }) => ({ what: `${name} is not well.`, command: `onstead logs ${name}` })),
  ];
}

/** Fewer containers run, or are on their way, than are meant to. */
function isDown({ replicas, wanted }: ServiceAnswer): boolean {
  return replicas.filter(({ state }) => state === 'running' || state === 'restarting').length < wanted;
}

/** One command brings all of them up. */
function attentionToDown(down: readonly ServiceAnswer[], now: Date): Attention {
  if (down.length === 0) return [];
  const what = down.map((service) => `${service.name} ${howItIsDown(service, now)}`).join(', ');
  return [
    {
      what: `${what}. If this does not bring ${down.length === 1 ? 'it' : 'them'} up, \`onstead install BUNDLE\` does.`,
      command: 'onstead boot',
    },
  ];
}

function howItIsDown({ replicas, wanted }: ServiceAnswer, now: Date): string {
  if (replicas.length === 0) return 'has no container';
  const stopped = replicas.find(({ state }) => state !== 'running' && state !== 'restarting');
  if (stopped === undefined) return `has ${replicas.length} of ${wanted} containers`;
  return `${stateInWords(stopped)}${agoOf(stopped, now)}`;
}

function stateInWords({ state }: Replica): string {
  if (state === 'created') return 'was never started';
  return state === 'exited' || state === 'dead' ? 'stopped' : `is ${state}`;
}

function agoOf({ state, since }: Replica, now: Date): string {
  if (since === null || (state !== 'exited' && state !== 'dead')) return '';
  return ` ${formatDuration(Math.max(0, now.getTime() - Date.parse(since)))} ago`;
}

// `onstead status` and `onstead services`: is it well, and what runs; also while the engine is away.

import type { ServiceAnswer, StatusAnswer } from '../../api/schemas.ts';
import { formatBytes, formatDuration } from '../../base/units.ts';
import { exitCodeFor } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';
import { sayPlanned } from '../planned.ts';
import type { Verb } from '../verb.ts';

/** From here on a row with its image fits. */
const WIDE = 150;

export const statusVerb: Verb = {
  name: 'status',
  summary: 'Is it well, in one sentence, and what needs a person.',
  usage: 'onstead status',
  flags: {},
  examples: [
    [
      'onstead status --json',
      'for a monitoring script; exit code 4 if the engine does not answer, 5 if something else is not well',
    ],
  ],
  maxArgs: 0,
  async run({ client, terminal }) {
    const status = await client.get<StatusAnswer>('/api/status');
    terminal.say(`${terminal.paint(status.well ? 'good' : 'bad', '●')} ${status.sentence}`);
    if (status.release !== null) {
      const { title, version, installedAt } = status.release;
      terminal.say(`  ${title} ${version}, installed ${new Date(installedAt).toLocaleString('sv-SE')}`);
      if (status.addresses.length > 0) terminal.say(`  ${status.addresses.join(', ')}`);
    }
    for (const { id, title, state } of status.operations) terminal.say(`  ${title}: ${state} (${id})`);
    const { planned } = status;
    if (planned !== null && planned.message === null) sayPlanned(planned, terminal, '  ');
    for (const { what, command } of status.attention) {
      terminal.sayWrapped(`${terminal.paint('warn', '!')} ${what}`, 2);
      terminal.say(`    ${command}`);
    }
    if (status.machineChange !== null) showMachineChange(status.machineChange, terminal);
    if (status.services.length > 0) {
      terminal.say();
      showServices(status, terminal);
    }
    terminal.answer(status);
    if (status.engineTrouble !== null) return exitCodeFor(status.engineTrouble.code);
    return status.well ? 0 : 5;
  },
};

export const servicesVerb: Verb = {
  name: 'services',
  summary: 'The services of the stack and their replicas.',
  usage: 'onstead services',
  flags: {},
  examples: [['onstead services', 'one line a replica']],
  maxArgs: 0,
  async run({ client, terminal }) {
    const status = await client.get<StatusAnswer>('/api/status');
    const { services, engineTrouble } = status;
    if (services.length === 0) terminal.say('Nothing is installed.');
    showServices(status, terminal);
    if (engineTrouble === null) {
      terminal.answer(services);
      return 0;
    }
    terminal.complain(
      `${terminal.paint('bad', 'error:')} The engine does not answer: ${engineTrouble.message}`,
    );
    if (engineTrouble.next !== undefined)
      terminal.complain(`${terminal.paint('strong', 'next:')} ${engineTrouble.next}`);
    terminal.answer({ error: engineTrouble, services });
    return exitCodeFor(engineTrouble.code);
  },
};

function showServices({ services, engineTrouble }: StatusAnswer, terminal: Terminal): void {
  const known = engineTrouble === null;
  const rows = services.flatMap((service) => rowsOf(service, known, terminal));
  // Its content tag makes the image long, and nobody is helped by half of it: where there is no room it is left out.
  terminal.table(terminal.room < WIDE ? rows.map((row) => row.slice(0, -1)) : rows);
}

function rowsOf(service: ServiceAnswer, known: boolean, terminal: Terminal): string[][] {
  const limit = service.memoryLimitBytes === 0 ? '' : `≤ ${formatBytes(service.memoryLimitBytes)}`;
  const image = terminal.paint('dim', service.image);
  if (service.replicas.length === 0) {
    const mark = known ? terminal.paint('bad', '●') : terminal.paint('dim', '?');
    return [[mark, service.name, '', known ? 'no container' : 'not known', '', '', limit, image]];
  }
  return service.replicas.map(({ container, state, health, restarts, since }) => [
    terminal.paint(state === 'running' && health !== 'unhealthy' ? 'good' : 'bad', '●'),
    service.name,
    container,
    stateInWords(state, health),
    timeInWords(state, since),
    restarts === 0 ? '' : `${restarts} restarts`,
    limit,
    image,
  ]);
}

const isStopped = (state: string): boolean => state === 'exited' || state === 'dead';

function stateInWords(state: string, health: string): string {
  if (isStopped(state)) return 'stopped';
  return state !== 'running' || health === 'none' ? state : health;
}

/** Since when it runs, or does not run any more. */
function timeInWords(state: string, since: string | null): string {
  if (since === null) return '';
  const time = formatDuration(Math.max(0, Date.now() - Date.parse(since)));
  return isStopped(state) ? `${time} ago` : time;
}

type MachineChange = NonNullable<StatusAnswer['machineChange']>;
type Change = MachineChange['changes'][number];

/** The numbers that a person knows a service by; the rest follows from them. */
const HEADLINES: Readonly<Record<string, string>> = {
  replicas: 'replicas',
  memoryLimitBytes: 'memory at most',
  cpuLimit: 'CPUs at most',
};

function showMachineChange({ sentence, changes }: MachineChange, terminal: Terminal): void {
  terminal.sayWrapped(`${terminal.paint('warn', '!')} ${sentence}`, 2);
  if (changes.length === 0) return;
  terminal.say('  Dividing the machine anew would give:');
  const shown = changes.filter(({ key }) => key in HEADLINES);
  for (const service of new Set(shown.map((change) => change.service))) {
    for (const change of shown.filter((one) => one.service === service)) {
      const { key, before, after, why } = change;
      const values = `${inWords(change, before)} → ${inWords(change, after)}`;
      terminal.say(`    ${terminal.paint('strong', service)} ${HEADLINES[key]}: ${values}`);
      terminal.sayWrapped(`      ${terminal.paint('dim', why)}`, 6);
    }
  }
  const rest = changes.length - shown.length;
  if (rest > 0) terminal.say(`    and ${rest} numbers that follow from these (--json shows all)`);
}

function inWords({ unit }: Change, value: string | number | null): string {
  if (value === null) return 'none';
  return unit === 'bytes' ? formatBytes(Number(value)) : String(value);
}

// `onstead set-aside`: what a way back took out of the application and kept, looked at and removed.

import type { SetAsideAnswer } from '../../api/schemas.ts';
import { OnsteadError } from '../../base/errors.ts';
import { formatBytes } from '../../base/units.ts';
import type { Terminal } from '../terminal.ts';
import { isSet, type Verb, type VerbInput } from '../verb.ts';

export const setAsideVerb: Verb = {
  name: 'set-aside',
  summary: 'What a way back took out of the application and kept: list it, look at it, remove it.',
  usage: 'onstead set-aside [list]\nonstead set-aside show ID\nonstead set-aside remove ID [--yes]',
  flags: {
    yes: { type: 'boolean', help: 'Remove it for good; without this it only shows what would be removed.' },
  },
  examples: [
    ['onstead set-aside', 'what there is, the newest first'],
    [
      'onstead set-aside show upgrade-20261121-054512-k3f9',
      'its volumes and files, and how to look into them',
    ],
    ['onstead set-aside remove upgrade-20261121-054512-k3f9 --yes', 'make room'],
  ],
  maxArgs: 2,
  run: setAside,
};

async function setAside(input: VerbInput): Promise<number> {
  const [action = 'list', id] = input.args;
  if (action === 'list') return list(input);
  if (action === 'show') return show(input, await found(input, id));
  if (action === 'remove') return remove(input, await found(input, id));
  throw new OnsteadError('usage.action', `There is no "onstead set-aside ${action}".`, {
    next: 'Use list, show or remove; see `onstead set-aside --help`.',
  });
}

async function list({ client, terminal }: VerbInput): Promise<number> {
  const all = await client.get<SetAsideAnswer[]>('/api/set-aside');
  if (all.length === 0) terminal.say('Nothing is set aside.');
  terminal.table(all.map((one) => [one.id, when(one), formatBytes(one.bytes), whatOf(one)]));
  if (all.length > 0) sayHowLong(terminal);
  terminal.answer(all);
  return 0;
}

async function found({ client }: VerbInput, id: string | undefined): Promise<SetAsideAnswer> {
  if (id === undefined) {
    throw new OnsteadError('usage.words', 'It is not said which.', {
      next: 'Give its id; `onstead set-aside` lists them.',
    });
  }
  const all = await client.get<SetAsideAnswer[]>('/api/set-aside');
  const one = all.find((each) => each.id === id);
  if (one !== undefined) return one;
  throw new OnsteadError('usage.words', `Nothing is set aside as "${id}".`, {
    next: 'See what there is with `onstead set-aside`.',
  });
}

function show({ terminal }: VerbInput, one: SetAsideAnswer): number {
  sayOne(one, terminal);
  terminal.say();
  if (one.volumes.length > 0)
    terminal.sayWrapped(
      'How to look into a database of before is in docs/upgrades.md, under "An upgrade that is taken back by itself".',
    );
  sayHowLong(terminal);
  terminal.answer(one);
  return 0;
}

async function remove(input: VerbInput, one: SetAsideAnswer): Promise<number> {
  const { client, terminal } = input;
  if (!isSet(input, 'yes')) {
    sayOne(one, terminal);
    terminal.say();
    terminal.say('Nothing was removed. Add --yes to remove it for good.');
    terminal.answer(one);
    return 0;
  }
  const path = `/api/set-aside/${encodeURIComponent(one.id)}/remove`;
  const removed = await client.post<SetAsideAnswer>(path, {});
  terminal.say(`Removed: ${removed.id}, ${formatBytes(removed.bytes)}.`);
  terminal.answer({ removed });
  return 0;
}

function sayOne(one: SetAsideAnswer, terminal: Terminal): void {
  terminal.say(`${terminal.paint('strong', one.id)}  ${when(one)}  ${formatBytes(one.bytes)}`);
  terminal.say(`  ${whatOf(one)}, by ${one.operation}`);
  for (const { name, bytes } of one.volumes) terminal.say(`  volume ${name}  ${formatBytes(bytes)}`);
  for (const { path, bytes } of one.files) terminal.say(`  file ${path}  ${formatBytes(bytes)}`);
}

function whatOf({ what }: SetAsideAnswer): string {
  return what ?? 'not counted';
}

function when({ at }: SetAsideAnswer): string {
  return new Date(at).toLocaleString('sv-SE');
}

function sayHowLong(terminal: Terminal): void {
  terminal.say('It is kept until an upgrade or a rollback has succeeded.');
}

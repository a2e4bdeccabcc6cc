// `onstead uninstall`: takes the stack off this machine. Works without the daemon; install.sh --uninstall calls it
// and then removes the program.

import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError } from '../../base/errors.ts';
import { connectEngine } from '../../engine/index.ts';
import {
  findStackParts,
  lockStack,
  removeScratch,
  removeStackParts,
  scratchKinds,
  scratchPlaceOf,
  type StackParts,
} from '../../stack/index.ts';
import { isSet, type Verb, type VerbInput } from '../verb.ts';

export const uninstallVerb: Verb = {
  name: 'uninstall',
  summary: 'Remove the stack, its data and its secrets from this machine.',
  usage: 'onstead uninstall [--keep-data] [--yes]',
  flags: {
    'keep-data': { type: 'boolean', help: 'Keep the data volumes and the secrets that open them.' },
    yes: { type: 'boolean', help: 'Do it; without this it only says what would be removed.' },
  },
  examples: [
    ['onstead uninstall', 'look first; nothing is removed'],
    [
      'onstead uninstall --keep-data --yes',
      'where no daemon runs; a later installation finds the data again',
    ],
  ],
  maxArgs: 0,
  run: uninstall,
};

async function uninstall(input: VerbInput): Promise<number> {
  const { terminal, paths, client } = input;
  const engine = await connectEngine();
  const parts = await findStackParts(engine, paths.stack);
  const keepVolumes = isSet(input, 'keep-data');
  const script = `sh ${join(paths.programs, 'current/installer/install.sh')} --uninstall`;
  const uninstaller = keepVolumes ? `${script} --keep-data` : script;
  if (!isSet(input, 'yes')) {
    preview(parts, keepVolumes, (await isServed(client)) ? uninstaller : undefined, terminal);
    return 0;
  }
  if (await isServed(client)) {
    throw new OnsteadError('daemon.running', 'The daemon still runs; it would bring the stack up again.', {
      next: `Run \`${uninstaller}\`, which stops it first.`,
    });
  }
  const removed: string[] = [];
  const onRemoved = (what: string): void => {
    removed.push(what);
    terminal.say(`removed ${what}`);
  };
  const onWait = (): void => terminal.say('Somebody else is changing the stack; waiting until that is over.');
  const remove = async (): Promise<void> => {
    await removeStackParts(engine, await findStackParts(engine, paths.stack), { keepVolumes, onRemoved });
    // Of operations that were cut off.
    for (const kind of scratchKinds) await removeScratch(engine, scratchPlaceOf(paths, kind));
    await removeState(input, keepVolumes);
  };
  await lockStack(paths, remove, { onWait });
  await rm(paths.stackLock, { force: true });
  await rmdir(paths.state).catch(() => {}); // others' files may be in it
  terminal.answer({ removed, kept: keepVolumes ? parts.volumes : [] });
  return 0;
}

/** A daemon that runs would bring the stack up again. */
function isServed(client: VerbInput['client']): Promise<boolean> {
  return client.get('/api/version').then(
    () => true,
    () => false,
  );
}

function preview(
  parts: StackParts,
  keepVolumes: boolean,
  uninstaller: string | undefined,
  terminal: VerbInput['terminal'],
): void {
  const rows = [
    ['containers', parts.containers.map(({ name }) => name)],
    ['networks', parts.networks],
    [keepVolumes ? 'volumes (kept)' : 'volumes with all data', parts.volumes],
    ['images', parts.images],
  ] as const;
  terminal.say('This would remove:');
  for (const [what, names] of rows)
    terminal.say(`  ${what}: ${names.length === 0 ? 'none' : names.join(', ')}`);
  terminal.say(
    uninstaller === undefined
      ? 'Add --yes to do it.'
      : `The daemon runs; \`${uninstaller}\` stops it, and removes this and the program.`,
  );
  terminal.answer(parts);
}

async function removeState({ paths }: VerbInput, keepData: boolean): Promise<void> {
  const databases = ['', '-wal', '-shm'].map((suffix) => `${paths.database}${suffix}`);
  const folders = [
    paths.stack,
    paths.releases,
    paths.unsealed,
    paths.stackBefore,
    paths.stackNext,
    paths.points,
    paths.stackChanging,
    paths.dataLock,
    paths.scratch,
    paths.scratchUnsealed,
    paths.daemonLock,
  ];
  const data = keepData ? [] : [paths.secrets, paths.backups, paths.setAside, paths.machineKey, paths.seen];
  for (const path of [...databases, ...folders, ...data]) await rm(path, { recursive: true, force: true });
}

// `onstead version`: of this program, and of the daemon if one answers.

import type { VersionAnswer } from '../../api/schemas.ts';
import { isOnsteadError } from '../../base/errors.ts';
import { programVersion } from '../../base/program.ts';
import type { Verb } from '../verb.ts';

export const versionVerb: Verb = {
  name: 'version',
  summary: 'The version of this program and of the running daemon.',
  usage: 'onstead version',
  flags: {},
  examples: [['onstead version --json', 'for a script']],
  maxArgs: 0,
  async run({ client, terminal }) {
    const daemon = await client.get<VersionAnswer>('/api/version').catch((error: unknown) => {
      if (isOnsteadError(error)) return null;
      throw error;
    });
    terminal.say(`onstead ${programVersion()}`);
    terminal.say(
      daemon === null
        ? 'no daemon is running'
        : `daemon  ${daemon.onstead}, Node ${daemon.node}, since ${new Date(daemon.startedAt).toLocaleString('sv-SE')}`,
    );
    terminal.answer({ program: programVersion(), daemon });
  },
};

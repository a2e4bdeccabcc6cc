// `onstead certificate`: the authority that browsers have to trust once.

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { OnsteadError, systemCode } from '../../base/errors.ts';
import type { Paths } from '../../base/paths.ts';
import { certificateSecrets, secretsLost, SecretStore, storeFile } from '../../stack/index.ts';
import type { Verb } from '../verb.ts';

export const certificateVerb: Verb = {
  name: 'certificate',
  summary: "Print this appliance's own authority, for browsers to trust.",
  usage: 'onstead certificate > onstead-ca.pem',
  flags: {},
  examples: [
    ['onstead certificate > onstead-ca.pem', 'then import the file into your browser or system, once'],
  ],
  maxArgs: 0,
  async run({ paths, terminal }) {
    const authority = await readAuthority(paths);
    terminal.say(authority.trimEnd());
    terminal.answer({ authority });
  },
};

/** Looks only: opening a store that does not exist would make one, with a key. */
async function readAuthority(paths: Paths): Promise<string> {
  const { secrets: folder, machineKey: machineKeyPath } = paths;
  const hasStack = existsSync(paths.stack); // written after the certificates
  if (!(await holdsSomething(folder))) throw hasStack ? secretsLost(join(folder, storeFile)) : nothingYet();
  const store = await SecretStore.open({ folder, machineKeyPath, clock: systemClock });
  if (!store.has(certificateSecrets.authority)) {
    throw hasStack ? store.lost([certificateSecrets.authority]) : nothingYet();
  }
  return store.get(certificateSecrets.authority);
}

async function holdsSomething(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length > 0;
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return false;
    if (systemCode(cause) !== 'EACCES') throw cause;
    throw new OnsteadError('daemon.forbidden', `${folder} is open to root only.`, {
      next: 'Run the command as root, for example with sudo.',
      cause,
    });
  }
}

function nothingYet(): OnsteadError {
  return new OnsteadError(
    'stack.not-installed',
    'Nothing is installed here, so there is no certificate yet.',
    {
      next: 'Install a release with `onstead install BUNDLE`; the certificate is made then.',
    },
  );
}

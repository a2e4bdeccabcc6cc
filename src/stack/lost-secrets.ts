// Secrets that are gone while what they open is still here. New ones would open nothing and hide the loss, so nobody makes
// them; and the opened copies in memory, which may be the last, are left alone.

import { OnsteadError } from '../base/errors.ts';
import { howToRestart } from '../base/own-service.ts';
import { pathsUnder } from '../base/paths.ts';

/** In the folder of secrets. */
export const storeFile = 'secrets.json';

const { unsealed, programs, machineKey } = pathsUnder();

/** What comes before any other way out. */
export const saveOpened = `Until this machine restarts, ${unsealed} may hold the last copy: first copy it away with \`cp -a ${unsealed} /root/\`.`;

export function secretsLost(storePath: string, names: readonly string[] = []): OnsteadError {
  const what =
    names.length === 0 ? `The secret store ${storePath} is gone` : `Secrets are gone: ${names.join(', ')}`;
  return new OnsteadError(
    'secret.lost',
    `${what}, and what they open is still here; new ones would not open it.`,
    {
      next: `${saveOpened} Then put ${storePath} and ${machineKey} back from a backup and \`${howToRestart(pathsUnder())}\`; or give the data up and begin anew with \`sh ${programs}/current/installer/install.sh --uninstall\`.`,
    },
  );
}

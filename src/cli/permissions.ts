// What a release asks for beyond its own containers, as the administrator reads it before agreeing.

import type { Permission } from '../release/index.ts';
import type { Terminal } from './terminal.ts';

/** Silent where a release keeps to its containers. */
export function sayPermissions(permissions: readonly Permission[], terminal: Terminal): void {
  if (permissions.length === 0) return;
  terminal.say('Beyond their own containers, its services get:');
  for (const { service, name, opens } of permissions)
    terminal.say(`  ${terminal.paint('warn', '!')} ${service}: ${opens} (${name})`);
}

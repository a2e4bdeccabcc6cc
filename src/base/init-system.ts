// What starts services on this machine, so that a command which is told to a person works when it is typed.

import { existsSync } from 'node:fs';

export function hasSystemd(): boolean {
  return existsSync('/run/systemd/system');
}

export function serviceCommand(
  verb: 'restart' | 'start' | 'status',
  service: string,
  underSystemd = hasSystemd(),
): string {
  return underSystemd ? `systemctl ${verb} ${service}` : `service ${service} ${verb}`;
}

// How a person starts, restarts or stops this daemon on this machine: with systemd where that runs, with the
// supervisor that comes with the program elsewhere. Whatever tells people such a command takes it from here.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Paths } from './paths.ts';

type Where = Pick<Paths, 'root' | 'programs'>;

/** As the installer decides: a root of its own leaves systemd alone. */
function isUnderSystemd({ root }: Where): boolean {
  return root === '/' && existsSync('/run/systemd/system');
}

export function howToStart(where: Where, hasSystemd = isUnderSystemd(where)): string {
  return hasSystemd ? 'systemctl start onstead' : `${supervisorOf(where)} start`;
}

export function howToRestart(where: Where, hasSystemd = isUnderSystemd(where)): string {
  if (hasSystemd) return 'systemctl restart onstead';
  return `${supervisorOf(where)} stop && ${supervisorOf(where)} start`;
}

export function howToStop(where: Where, hasSystemd = isUnderSystemd(where)): string {
  return hasSystemd ? 'systemctl stop onstead' : `${supervisorOf(where)} stop`;
}

function supervisorOf({ root, programs }: Where): string {
  const script = `sh ${join(programs, 'current/installer/supervise.sh')}`;
  return root === '/' ? script : `ONSTEAD_ROOT=${root} ${script}`;
}

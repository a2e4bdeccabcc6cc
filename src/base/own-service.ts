// How a person starts, restarts or stops this daemon on this machine: with systemd where that runs, with the
// supervisor that comes with the program elsewhere. Whatever tells people such a command takes it from here.

import { join } from 'node:path';
import { hasSystemd } from './init-system.ts';
import type { Paths } from './paths.ts';

type Where = Pick<Paths, 'root' | 'programs'>;

/** As the installer decides: a root of its own leaves systemd alone. */
function isUnderSystemd({ root }: Where): boolean {
  return root === '/' && hasSystemd();
}

export function howToStart(where: Where, systemd = isUnderSystemd(where)): string {
  return systemd ? 'systemctl start onstead' : `${supervisorOf(where)} start`;
}

export function howToRestart(where: Where, systemd = isUnderSystemd(where)): string {
  if (systemd) return 'systemctl restart onstead';
  return `${supervisorOf(where)} stop && ${supervisorOf(where)} start`;
}

export function howToStop(where: Where, systemd = isUnderSystemd(where)): string {
  return systemd ? 'systemctl stop onstead' : `${supervisorOf(where)} stop`;
}

function supervisorOf({ root, programs }: Where): string {
  const script = `sh ${join(programs, 'current/installer/supervise.sh')}`;
  return root === '/' ? script : `ONSTEAD_ROOT=${root} ${script}`;
}

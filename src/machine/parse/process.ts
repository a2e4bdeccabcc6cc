// What /proc says of one process, in the words that a person needs to find and stop it. Pure.

import { basename } from 'node:path';

const INTERPRETER = /^(node|nodejs|bun|deno|java|php|perl|python|ruby|sh|bash|dash)[\d.]*$/;
/** A file or a module; never an option or code, which may hold a secret. */
const SCRIPT = /^[\w./@+-]{1,200}$/;

/** The program by its file: the name that a process gives its threads (`comm`) may be anything. */
export function programIn(exe: string | undefined, comm: string | undefined): string | null {
  const file = basename((exe ?? '').replace(/ \(deleted\)$/, ''));
  return file || (comm ?? '').trim() || null;
}

/** What an interpreter runs; null for every other program. */
export function scriptIn(program: string | null, cmdline: string | undefined): string | null {
  if (program === null || !INTERPRETER.test(program)) return null;
  const words = (cmdline ?? '').split('\0').slice(1);
  const script = words.find((word) => !word.startsWith('-'));
  return script !== undefined && SCRIPT.test(script) && /[./]/.test(script) ? script : null;
}

/** The engine's own units run every container: to stop them is never the cure. */
const NOT_TO_STOP = /^(docker|containerd|podman|user@\d+)\.service$/;

/** The systemd service that a process belongs to. */
export function unitIn(cgroup: string | undefined): string | null {
  const units = [...(cgroup ?? '').matchAll(/\/([^/\n]+\.service)(?=\/|$)/gm)].map(([, unit]) => unit!);
  const unit = units.at(-1);
  return unit === undefined || NOT_TO_STOP.test(unit) ? null : unit;
}

/** The ids of the containers that a process may run in. */
export function containerIdsIn(cgroup: string | undefined): readonly string[] {
  return (cgroup ?? '').match(/[0-9a-f]{64}/g) ?? [];
}

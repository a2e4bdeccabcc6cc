// Who may import whom, as a table, and the sentences that say what breaks it.

import { importsOf, type Import, type Sources } from './sources.ts';

const GROUND = ['base'];
const MIDDLE = [...GROUND, 'machine', 'release', 'sizing', 'engine'];
const UPPER = [...MIDDLE, 'stack', 'journal'];
const ROOMS = [...UPPER, 'deploy', 'backup', 'watch', 'access'];

/** Room → the rooms it may import. `main` and `daemon` are the two files that stand above the rooms. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  machine: GROUND,
  release: GROUND,
  sizing: GROUND,
  engine: GROUND,
  stack: MIDDLE,
  journal: MIDDLE,
  deploy: UPPER,
  backup: UPPER,
  watch: UPPER,
  access: UPPER,
  api: ROOMS,
  cli: [...MIDDLE, 'stack', 'api'],
  daemon: [...ROOMS, 'api', 'cli'],
  main: [...ROOMS, 'api', 'cli', 'daemon'],
};

/** Packages that only one room may know. */
const KEPT_PACKAGES: Readonly<Record<string, string>> = { dockerode: 'engine' };

const API_SCHEMAS = /^src\/api\/schemas(\.ts|\/[^/]+\.ts)$/;

export function roomOf(path: string): string {
  return path.split('/')[1]!.replace(/\.ts$/, '');
}

export function importViolations(sources: Sources): string[] {
  const all = [...sources].flatMap(([path, text]) => importsOf(path, text));
  return all.map((each) => violationOf(each)).filter((sentence) => sentence !== undefined);
}

function violationOf({ from, to, isOurs }: Import): string | undefined {
  const room = roomOf(from);
  if (!isOurs) {
    const keeper = KEPT_PACKAGES[to];
    if (keeper === undefined || keeper === room) return undefined;
    return `${from} imports the package ${to}, which only the room ${keeper} may know.`;
  }
  if (!to.startsWith('src/')) return `${from} imports ${to}, which lies outside src/.`;
  const target = roomOf(to);
  if (target === room) return undefined;
  const allowed = MAY_IMPORT[room];
  if (allowed === undefined) return `${from} is in no room that the import table names ("${room}").`;
  if (!allowed.includes(target)) {
    return `${from} imports ${to}, but ${room} may import only: ${allowed.join(', ') || 'nothing'}.`;
  }
  return faceViolation(from, to, room, target);
}

/** From outside, a room is its index.ts. The ground has no face, and the CLI sees no more of the API than its schemas. */
function faceViolation(from: string, to: string, room: string, target: string): string | undefined {
  if (target === 'base' || target === 'daemon') return undefined;
  if (room === 'cli' && target === 'api') {
    return API_SCHEMAS.test(to)
      ? undefined
      : `${from} imports ${to}, but cli may import only the API's schemas.`;
  }
  if (to === `src/${target}/index.ts` || room === 'main' || room === 'daemon') return undefined;
  return `${from} imports ${to}; from outside, the room ${target} is imported through src/${target}/index.ts.`;
}

/** Each circle of imports once, as the path that closes it. */
export function importCircles(sources: Sources): string[] {
  const graph = new Map<string, string[]>();
  for (const [path, text] of sources) {
    const targets = importsOf(path, text).filter((each) => each.isOurs && sources.has(each.to));
    graph.set(path, [...new Set(targets.map((each) => each.to))]);
  }
  const circles: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start !== -1) {
      circles.push(`These files import each other: ${[...trail.slice(start), path].join(' → ')}.`);
      return;
    }
    if (finished.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    finished.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return circles;
}

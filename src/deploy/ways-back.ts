// Which of the points a way back leads to, and which of them are kept. A rollback keeps a point as an upgrade does, and
// the same command given twice must not lead forth again. Pure.

import { OnsteadError } from '../base/errors.ts';
import type { InstalledRelease } from './facts.ts';
import type { Kept, Point } from './point.ts';

/** Of the release that runs now and the one before it, on the way with the data as it is. */
const POINTS_KEPT = 2;

/** Places a point behind those that there are. */
export function pointAfter(points: readonly Point[], kept: Kept): Point {
  const others = points.filter(({ id }) => id !== kept.id);
  const order = Math.max(0, ...others.map((one) => one.order)) + 1;
  const before = newestOf(others)?.after ?? [];
  if (kept.over === undefined)
    return { ...kept, kind: 'upgrade', order, before, after: [...before, kept.id] };
  const after = others.find(({ id }) => id === kept.over)?.before ?? [];
  return { ...kept, kind: 'rollback', order, before, after };
}

/** The upgrades that can be gone back over one after the other, the newest first. */
export function standingOf(points: readonly Point[]): Point[] {
  const ids = newestOf(points)?.after ?? [];
  return ids.toReversed().flatMap((id) => points.find((point) => point.id === id) ?? []);
}

/** The newest, by which its operation is undone; the last upgrade that stands; then those kept last. */
export function pointsToKeep(points: readonly Point[]): Point[] {
  const newest = points.toSorted((left, right) => right.order - left.order);
  const inTurn = [...newest.slice(0, 1), ...standingOf(points).slice(0, 1), ...newest];
  return [...new Set(inTurn)].slice(0, POINTS_KEPT);
}

export interface WayAsked {
  readonly points: readonly Point[];
  readonly installed: InstalledRelease;
  /** A point's id; without, the last upgrade that nobody has gone back over. */
  readonly to?: string | undefined;
}

/** Throws where there is none, and names those that there are. */
export function chooseWay(asked: WayAsked): Point {
  const { points, installed, to } = asked;
  const [newest, last] = [newestOf(points), standingOf(points)[0]];
  if (newest === undefined) throw noWay(asked);
  if (to === undefined) {
    if (newest.kind === 'rollback' && newest.after.length < newest.before.length) {
      throw wentBack(installed, newest, last);
    }
    if (last === undefined) throw noWay(asked);
    return last;
  }
  const point = points.find(({ id }) => id === to);
  if (point === undefined) throw unknownPoint(asked, to);
  if (point.from.bundle === installed.bundle) throw sameRelease(asked, point);
  return point;
}

/** With the data as it is: the schema has to become what the release at the point knows. */
export function refuseOtherSchema(
  point: Point,
  points: readonly Point[],
  { installed, migrates }: { readonly installed: InstalledRelease; readonly migrates: boolean },
): void {
  const standing = standingOf(points);
  if (!migrates || point.id === standing[0]?.id) return;
  const { version } = point.from;
  const restoring = `\`onstead rollback --to ${point.id} --restore-data\` puts the data of then in place, and says what that loses.`;
  if (standing.some(({ id }) => id === point.id)) {
    throw new OnsteadError(
      'release.other-schema',
      `Between ${version} and ${installed.version} lies another upgrade, whose migrations are taken back first.`,
      { next: `Go back over that one: \`onstead rollback\`. Or ${restoring}` },
    );
  }
  throw new OnsteadError(
    'release.other-schema',
    `${version} needs migrations that the database of ${installed.version} does not have, and a rollback runs none.`,
    { next: `To keep the data, upgrade: \`onstead upgrade BUNDLE\`. Or ${restoring}` },
  );
}

function newestOf(points: readonly Point[]): Point | undefined {
  return points.toSorted((left, right) => right.order - left.order)[0];
}

function wentBack({ version }: InstalledRelease, newest: Point, last: Point | undefined): OnsteadError {
  const further =
    last === undefined
      ? []
      : [`Further back, to ${last.from.version}: \`onstead rollback --to ${last.id}\`.`];
  return new OnsteadError('release.went-back', `${version} is what you went back to (${newest.id}).`, {
    next: [
      'Forward again: `onstead upgrade BUNDLE`.',
      `To undo that rollback, with ${newest.from.version} and its data as they were: \`onstead rollback --to ${newest.id} --restore-data\`.`,
      ...further,
    ].join(' '),
  });
}

function noWay(asked: WayAsked): OnsteadError {
  return new OnsteadError(
    'release.no-way-back',
    `No upgrade to ${asked.installed.version} can be gone back over.`,
    {
      next: waysInWords(
        asked,
        'A way back is kept by each upgrade; see `onstead operations` for what was done.',
      ),
    },
  );
}

function unknownPoint(asked: WayAsked, to: string): OnsteadError {
  return new OnsteadError('release.no-point', `There is no restore point "${to}".`, {
    next: waysInWords(asked, 'There is none at all that leads to another release.'),
  });
}

function sameRelease(asked: WayAsked, { id, from }: Point): OnsteadError {
  return new OnsteadError('release.same', `The restore point ${id} is of ${from.version}, which runs.`, {
    next: waysInWords(asked, 'There is none that leads to another release.'),
  });
}

function waysInWords({ points, installed }: WayAsked, orElse: string): string {
  const ways = points.filter(({ from }) => from.bundle !== installed.bundle);
  if (ways.length === 0) return orElse;
  const named = ways.map(({ id, from, keptAt }) => `${id} (${from.version}, ${keptAt.slice(0, 16)}Z)`);
  return `There are: ${named.join(', ')}. See one as a plan: \`onstead rollback --to ID\`.`;
}

// /proc/PID/mountinfo as values, and which mount a path stands on.

export interface Mount {
  /** `254:0`; a major of 0 means no block device of its own (btrfs, overlay, NFS, tmpfs). */
  readonly majorMinor: string;
  /** Which folder of the file system is mounted. */
  readonly root: string;
  readonly point: string;
  readonly options: ReadonlySet<string>;
  readonly filesystem: string;
  readonly source: string;
  readonly superOptions: ReadonlySet<string>;
}

export function parseMountinfo(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [left, right] = line.split(' - ', 2);
    const [, , majorMinor, root, point, options] = (left ?? '').split(' ');
    const [filesystem, source, superOptions] = (right ?? '').split(' ');
    if (majorMinor === undefined || root === undefined || point === undefined) return [];
    return [
      {
        majorMinor,
        root: unescape(root),
        point: unescape(point),
        options: new Set(options?.split(',')),
        filesystem: filesystem ?? 'unknown',
        source: unescape(source ?? ''),
        superOptions: new Set(superOptions?.split(',')),
      },
    ];
  });
}

/** The mount that holds `path`; of several on one point the last, which hides the others. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const holds = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`);
    if (holds && mount.point.length >= (best?.point.length ?? 0)) best = mount;
  }
  return best;
}

/** mountinfo writes space, tab, newline and backslash as octal. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

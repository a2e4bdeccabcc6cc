// Which versions of an object a restore removes, which a point still needs, and what changed since a cut. Decided
// while a listing streams by, key after key, newest version first; of a key only a handful of facts is kept. Pure.

/** A version or a delete marker, as a listing names it. */
export interface Version {
  readonly key: string;
  readonly id: string;
  /** By the store's own clock. */
  readonly atMs: number;
  readonly isMarker: boolean;
}

/** True where the state of the cut did not have it: written, or deleted, afterwards. */
export function isAfter(version: Version, cutMs: number): boolean {
  return version.atMs > cutMs;
}

export interface ObjectChanges {
  /** Objects whose content is another one than at the cut, or that were not there. */
  readonly written: number;
  /** Objects that were there at the cut and are not there now. */
  readonly deleted: number;
  /** What a restore would remove: every version and delete marker since. */
  readonly versions: number;
}

/** Counts what changed since the cut. */
export class ChangeTally {
  readonly #cutMs: number;
  #key: string | undefined;
  #now: Version | undefined;
  #then: Version | undefined;
  #written = 0;
  #deleted = 0;
  #versions = 0;

  constructor(cutMs: number) {
    this.#cutMs = cutMs;
  }

  add(version: Version): void {
    if (version.key !== this.#key) this.#closeKey();
    this.#key = version.key;
    this.#now ??= version;
    if (isAfter(version, this.#cutMs)) this.#versions += 1;
    else this.#then ??= version;
  }

  result(): ObjectChanges {
    this.#closeKey();
    return { written: this.#written, deleted: this.#deleted, versions: this.#versions };
  }

  #closeKey(): void {
    const isThere = this.#now?.isMarker === false;
    const wasThere = this.#then?.isMarker === false;
    if (isThere && this.#now !== this.#then) this.#written += 1;
    if (wasThere && !isThere) this.#deleted += 1;
    this.#key = this.#now = this.#then = undefined;
  }
}

/**
 * Names the versions that neither the present nor any cut needs. A version is needed by a cut when it was the newest at
 * that time; a delete marker only while something older of its key stays, which it hides. Of those with one and the same
 * time a cut needs all: some stores know whole seconds only, and the store itself knows which is the newest.
 */
export class Sweeper {
  readonly #cutsMs: readonly number[];
  #last: Version | undefined;
  /** When what came after the last one was written. */
  #replacedAtMs = Infinity;
  /** Needed, if something older stays that it hides. */
  #marker: Version | undefined;

  constructor(cutsMs: readonly number[]) {
    this.#cutsMs = cutsMs;
  }

  /** What is known to be unneeded once this one was seen. */
  add(version: Version): Version[] {
    const unneeded = version.key === this.#last?.key ? [] : this.end();
    const isPresent = this.#last === undefined;
    if (this.#last !== undefined && this.#last.atMs !== version.atMs) this.#replacedAtMs = this.#last.atMs;
    this.#last = version;
    if (!isPresent && !this.#isNeeded(version)) return [...unneeded, version];
    // Of two markers with nothing between them the older one hides enough.
    if (version.isMarker && this.#marker !== undefined) unneeded.push(this.#marker);
    this.#marker = version.isMarker ? version : undefined;
    return unneeded;
  }

  /** The listing, or the key, is at its end: a marker that hides nothing goes. */
  end(): Version[] {
    const idle = this.#marker;
    this.#marker = this.#last = undefined;
    this.#replacedAtMs = Infinity;
    return idle === undefined ? [] : [idle];
  }

  #isNeeded({ atMs }: Version): boolean {
    return this.#cutsMs.some((cutMs) => atMs <= cutMs && this.#replacedAtMs > cutMs);
  }
}

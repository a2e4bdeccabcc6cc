// Versions as programs print them: `20.10.24+dfsg1`, `v2.40.3-desktop.1`, `6.1.0-28-amd64`. Pure.

/** The leading numbers, or undefined where there is none. */
export function numbersOf(version: string): readonly number[] | undefined {
  const match = /(\d+(?:\.\d+)*)/.exec(version);
  return match?.[1]?.split('.').map(Number);
}

/** Undefined where `version` names no number: then nobody knows. */
export function isAtLeast(version: string, minimum: string): boolean | undefined {
  const [have, need] = [numbersOf(version), numbersOf(minimum)];
  if (have === undefined || need === undefined) return undefined;
  for (let i = 0; i < Math.max(have.length, need.length); i += 1) {
    const difference = (have[i] ?? 0) - (need[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

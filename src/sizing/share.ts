// Divides an amount among claims so that a larger amount never gives any claim less. Whole numbers throughout:
// a rounding error of one unit would be a service that shrinks when the machine grows.

export interface Claim {
  readonly key: string;
  /** Without this much the claim is worthless, so it is granted first. */
  readonly floor: number;
  /** Parts of what is left after all floors. */
  readonly weight: number;
  /** More than this is of no use to it (floor included). */
  readonly cap: number;
}

export function floorOf(claims: readonly Claim[]): number {
  return claims.reduce((sum, claim) => sum + claim.floor, 0);
}

/**
 * Floors first, then equal parts by weight; what a full claim does not take goes to the others. All claims rise
 * with one common level, and the level rises with the amount: that is why nothing can fall.
 */
export function divide(amount: number, claims: readonly Claim[]): Map<string, number> {
  let left = amount - floorOf(claims);
  let open = claims.filter((claim) => claim.weight > 0 && claim.cap > claim.floor);
  const level = (): number => {
    const weights = open.reduce((sum, claim) => sum + claim.weight, 0);
    return weights === 0 ? 0 : Math.floor(left / weights);
  };
  const grants = new Map(claims.map((claim) => [claim.key, claim.floor]));
  for (let height = level(); open.length > 0; height = level()) {
    const full = open.filter((claim) => claim.weight * height >= claim.cap - claim.floor);
    if (full.length === 0) {
      for (const claim of open) grants.set(claim.key, claim.floor + claim.weight * height);
      break;
    }
    for (const claim of full) {
      grants.set(claim.key, claim.cap);
      left -= claim.cap - claim.floor;
    }
    open = open.filter((claim) => !full.includes(claim));
  }
  return grants;
}

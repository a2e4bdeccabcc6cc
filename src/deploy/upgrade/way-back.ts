// Whether a release's migrations can be taken back by the vendor's own words. Pure.

import type { Migration, ReleaseService } from '../../release/index.ts';

export interface WayBack {
  readonly down: readonly string[];
  readonly status: readonly string[];
}

/** Undefined where nobody could take it back, or could tell when that is done. */
export function wayBackOf({ reversible, down, status }: Migration): WayBack | undefined {
  return reversible && down !== undefined && status !== undefined ? { down, status } : undefined;
}

/** Those of these services whose migration would have no way back. */
export function oneWayOf(services: readonly ReleaseService[], changed: readonly string[]): string[] {
  return services.flatMap((service) =>
    service.role === 'app' &&
    service.migrate !== undefined &&
    changed.includes(service.name) &&
    wayBackOf(service.migrate) === undefined
      ? [service.name]
      : [],
  );
}

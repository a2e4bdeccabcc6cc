// What is written down of a restore point, beside the stack and the data that are kept with it.

import type { SizingPlan } from '../sizing/index.ts';
import type { InstalledRelease } from './facts.ts';

export interface Point {
  /** The operation's. */
  readonly id: string;
  readonly kind: 'upgrade' | 'rollback';
  /** Larger the later it was kept, whatever a clock said then. */
  readonly order: number;
  /** Of a rollback: the point that it led back to. */
  readonly over?: string;
  /** Upgrades that nobody had gone back over when it was kept, the newest last. */
  readonly before: readonly string[];
  /** The same once its operation is done. */
  readonly after: readonly string[];
  readonly keptAt: string;
  /** The release that ran. */
  readonly from: InstalledRelease;
  readonly sizing: SizingPlan;
}

/** What the operation knows; the rest follows from the points that there are. */
export type Kept = Omit<Point, 'kind' | 'order' | 'before' | 'after'>;

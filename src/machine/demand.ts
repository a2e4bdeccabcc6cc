// What a release asks of a machine. Callers put a bundle's real numbers in place of these.

import { GIB, MIB } from '../base/units.ts';

export interface MachineDemand {
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Room still needed for each folder; folders on one file system are added up. */
  readonly stateBytes: number;
  readonly engineBytes: number;
  readonly programBytes: number;
  readonly temporaryBytes: number;
  readonly inodes: number;
  /** As Node names it (`x64`, `arm64`); undefined while no bundle is named. */
  readonly arch?: string;
  /** The Compose project's name; undefined while no release is named. */
  readonly project?: string;
  /** IPv4 networks that the stack will use, for example `172.30.7.0/24`. */
  readonly subnets: readonly string[];
  /** When the release was built: the clock cannot be before. */
  readonly releaseDate?: Date;
  readonly kernelMin: string;
  readonly glibcMin: string;
  readonly engineMin: string;
  readonly composeMin: string;
  readonly openFiles: number;
  readonly asyncIo: number;
  readonly flushWarnMs: number;
  readonly flushFailMs: number;
}

export const defaultDemand: MachineDemand = {
  // A machine sold with 4 GB shows a little less to its kernel.
  memoryBytes: 3.5 * GIB,
  cpus: 2,
  stateBytes: 10 * GIB,
  engineBytes: 20 * GIB,
  programBytes: 1 * GIB,
  temporaryBytes: 256 * MIB,
  inodes: 200_000,
  subnets: [],
  kernelMin: '4.18',
  glibcMin: '2.28',
  engineMin: '20.10',
  composeMin: '2.20',
  openFiles: 16_384,
  asyncIo: 8_192,
  flushWarnMs: 10,
  flushFailMs: 100,
};

// How far something long has come, for whoever wants to draw it.

export type BundlePhase = 'export' | 'compress' | 'write' | 'verify';

export interface BundleProgress {
  readonly phase: BundlePhase;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export type OnProgress = (progress: BundleProgress) => void;

// What the child is asked that waits until a replica says it is ready, and what it answers.

export interface ReadyQuestion {
  readonly url: string;
  readonly giveUpAfterMs: number;
}

export interface ReadyAnswer {
  readonly isReady: boolean;
  /** What came of the last try, for people. */
  readonly last: string;
}

// What the child is asked that is a client of the stack for a while, and what it answers.

export interface ClientTarget {
  /** Names whoever is asked, in the answers. */
  readonly key: string;
  readonly url: string;
  readonly status: number;
  readonly contains?: string;
}

export interface ClientQuestion {
  /** Asked in turns, again and again. */
  readonly targets: readonly ClientTarget[];
  readonly everyMs: number;
  readonly forMs: number;
  /** The certificate of the appliance's own authority. */
  readonly authority: string;
}

export interface ClientSample {
  readonly key: string;
  readonly ms: number;
  /** What is wrong with the answer. */
  readonly complaint?: string;
}

// What the child is asked that speaks with the edge as a client would, and what it answers.

export interface EdgeQuestion {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** The certificate of the appliance's own authority. */
  readonly authority: string;
  readonly timeoutMs: number;
}

export interface EdgeAnswer {
  readonly status: number;
  readonly body: string;
}

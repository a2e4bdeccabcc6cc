// An operation's events for one reader, and what the journal cannot tell while it has no room itself.

import { isOver, type JournalEvent, type StepState } from '../journal/index.ts';
import type { Appliance } from './appliance.ts';
import type { LineStream } from './line-stream.ts';

/** The whole story so far, then what happens, until the operation is over or stuck or the reader leaves. */
export async function followEvents(
  appliance: Appliance,
  id: string,
  after: number,
  { send, sendIfRoom, signal }: LineStream<JournalEvent>,
): Promise<void> {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const isSettled = (): boolean => {
    const { state } = appliance.operation(id);
    return isOver(state) || state === 'stuck';
  };
  let seen = after;
  const silence = new Silence(appliance, id, sendIfRoom);
  const tell = (event: JournalEvent): void => {
    if (event.operation !== id || (event.seq !== 0 && event.seq <= seen)) return;
    silence.broken();
    if (event.seq === 0) return sendIfRoom(event); // only passing: how far something is
    seen = event.seq;
    void send(event); // the story is short; its end must not be missed
    if (event.type === 'operation' && isSettled()) end();
  };
  const stop = appliance.listen(tell);
  try {
    for (const event of appliance.events(id, after)) tell(event);
    if (isSettled() || signal.aborted) return;
    signal.addEventListener('abort', () => end(), { once: true });
    silence.begin();
    await ended;
  } finally {
    silence.end();
    stop();
  }
}

const SILENT_FOR_MS = 2_000;
const GOES_ON: ReadonlySet<StepState> = new Set(['running', 'undoing', 'pending']);
const PASSING = { seq: 0, type: 'note', state: null, progress: null } as const;

/** Looks why nothing is told: a journal without room cannot say itself what its operation waits for. */
class Silence {
  readonly #appliance: Appliance;
  readonly #id: string;
  readonly #send: (event: JournalEvent) => void;
  #timer: NodeJS.Timeout | undefined;
  #told: string | undefined;

  constructor(appliance: Appliance, id: string, send: (event: JournalEvent) => void) {
    this.#appliance = appliance;
    this.#id = id;
    this.#send = send;
  }

  begin(): void {
    this.#timer = setInterval(() => void this.#look().catch(() => {}), SILENT_FOR_MS);
  }

  broken(): void {
    this.#timer?.refresh();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const why = await this.#appliance.holdUp();
    if (why === this.#told) return;
    this.#told = why;
    const step = this.#appliance.operation(this.#id).steps.find(({ state }) => GOES_ON.has(state));
    const text = why === undefined ? 'It goes on.' : `Waiting: ${why}.`;
    this.#send({
      ...PASSING,
      operation: this.#id,
      at: new Date().toISOString(),
      step: step?.n ?? null,
      text,
    });
  }
}

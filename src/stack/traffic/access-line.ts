// One line of the edge's access log, as nginx.conf writes it. Pure.

export interface AccessLine {
  readonly client: string;
  readonly status: number;
  readonly bytes: number;
  readonly seconds: number;
  /** `address:port` of whoever gave the answer; empty where the edge answered by itself. */
  readonly upstream: string;
  /** Who was asked before and failed, so that nginx asked the next one: no client saw it, and yet it is that one's failure. */
  readonly failedBefore: readonly string[];
}

/** Onstead itself asks from inside the edge's network, where no client is. */
const OWN_CLIENT = '127.0.0.1';

/** Not what the edge answered by itself, such as a redirection, unless it had nobody to ask. */
export function isPersons({ client, status, upstream }: AccessLine): boolean {
  return client !== OWN_CLIENT && (upstream !== '' || status >= 500);
}

/** Undefined for anything else: nginx writes its errors to the same log. */
export function parseAccessLine(text: string): AccessLine | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const said = JSON.parse(text) as Record<string, unknown>; // each value is looked at below
    const { client, status, bytes, seconds, upstream } = said;
    if (typeof status !== 'number' || typeof seconds !== 'number') return undefined;
    const asked = typeof upstream === 'string' ? askedOf(upstream) : [];
    return {
      client: typeof client === 'string' ? client : '',
      status,
      bytes: typeof bytes === 'number' ? bytes : 0,
      seconds,
      upstream: asked.at(-1) ?? '',
      failedBefore: asked.slice(0, -1),
    };
  } catch {
    return undefined;
  }
}

/** Where one replica after the other was asked, nginx names all: `10.0.0.2:3000, 10.0.0.3:3000`. */
function askedOf(upstream: string): string[] {
  return upstream.split(/,| : /).flatMap((one) => (one.trim() === '' ? [] : [one.trim()]));
}

// What `docker compose` prints, made readable: JSON lines of 2.29 and newer, plain lines of older ones. Pure.

export interface ComposeProgress {
  /** `container`, `network`, `volume`, `image`, or `other`. */
  readonly kind: 'container' | 'network' | 'volume' | 'image' | 'other';
  readonly name: string;
  /** `Creating`, `Created`, `Starting`, `Started`, `Waiting`, `Healthy`, `Removed`, `Error`, … */
  readonly status: string;
}

export type ComposeLine =
  | { readonly kind: 'progress'; readonly progress: ComposeProgress }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'text'; readonly message: string };

/** From `--progress json` on; before it the flag is refused. */
export const FIRST_WITH_JSON = '2.29.0';
/** `up --wait --pull --no-build …` as they are used here. */
export const OLDEST_COMPOSE = '2.20.0';

const KINDS: Record<string, ComposeProgress['kind']> = {
  container: 'container',
  network: 'network',
  volume: 'volume',
  image: 'image',
};

export function readLine(line: string): ComposeLine {
  const json = jsonOf(line);
  return json === undefined ? readPlain(line) : readJson(json);
}

function jsonOf(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function readJson(json: Record<string, unknown>): ComposeLine {
  const text = (key: string): string => (typeof json[key] === 'string' ? json[key] : '');
  if (json['error'] === true) return { kind: 'error', message: text('message') };
  if (text('level') === 'warning') return { kind: 'warning', message: text('msg') };
  const status = text('status') || text('text');
  if (text('id') === '') return { kind: 'text', message: text('message') || text('msg') || status };
  return { kind: 'progress', progress: { ...thingOf(text('id')), status } };
}

/** ` Container notes-app-1  Started`. */
const PLAIN = /^\s*(Container|Network|Volume|Image) "?(\S+?)"?\s+(\S.*?)\s*$/;
const LOGRUS = /level=(\w+) msg="((?:[^"\\]|\\.)*)"/;

function readPlain(line: string): ComposeLine {
  const logged = LOGRUS.exec(line);
  if (logged !== null) {
    const message = logged[2]!.replace(/\\(.)/g, '$1');
    return { kind: logged[1] === 'warning' ? 'warning' : 'error', message };
  }
  const plain = PLAIN.exec(line);
  if (plain === null) return { kind: 'text', message: line.trim() };
  const progress = { ...thingOf(`${plain[1]} ${plain[2]}`), status: plain[3]! };
  return { kind: 'progress', progress };
}

function thingOf(id: string): { kind: ComposeProgress['kind']; name: string } {
  const [word = '', ...rest] = id.split(' ');
  const kind = KINDS[word.toLowerCase()];
  return kind === undefined || rest.length === 0
    ? { kind: 'other', name: id }
    : { kind, name: rest.join(' ') };
}

/**
 * The few lines that matter of a failed run: what Compose names as the error, else the last that is no progress.
 * Each once, as Compose says it of the container and then again of the whole.
 */
export function failureText(lines: readonly ComposeLine[]): string {
  const errors = lines.flatMap((line) => (line.kind === 'error' ? [line.message] : []));
  const texts = lines.flatMap((line) => (line.kind === 'text' && line.message !== '' ? [line.message] : []));
  const chosen = errors.length > 0 ? errors : texts.slice(-5);
  const clean = chosen.map((text) => text.replace(/^Error response from daemon: /, '').trim());
  return [...new Set(clean)].filter((text) => text !== '').join('; ');
}

/** `2.40.3-3`, `v2.26.1`, `Docker Compose version v2.40.3` → `2.40.3`; undefined where there is no number. */
export function versionIn(text: string): string | undefined {
  return /(\d+\.\d+\.\d+)/.exec(text)?.[1];
}

export function isAtLeast(version: string, least: string): boolean {
  const left = version.split('.').map(Number);
  const right = least.split('.').map(Number);
  for (const [index, part] of right.entries()) {
    const difference = (left[index] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

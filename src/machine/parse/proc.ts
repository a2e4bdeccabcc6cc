// The texts of /proc and /sys as values. Pure; each answers undefined or null for what the text does not say.

/** `0-3,8,10-11` → the numbers. An empty text is an empty set. */
export function parseCpuList(text: string): ReadonlySet<number> {
  const cpus = new Set<number>();
  for (const part of text.trim().split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) continue;
    const first = Number(match[1]);
    const last = Math.min(Number(match[2] ?? first), first + 65_535);
    for (let cpu = first; cpu <= last; cpu += 1) cpus.add(cpu);
  }
  return cpus;
}

/** `Key:   value` lines, as in /proc/self/status and `timedatectl show` (with `=`). The first one counts. */
export function parseFields(text: string, separator: ':' | '=' = ':'): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const cut = line.indexOf(separator);
    if (cut < 1) continue;
    const key = line.slice(0, cut).trim();
    if (!fields.has(key)) fields.set(key, line.slice(cut + 1).trim());
  }
  return fields;
}

/** /proc/meminfo in bytes. */
export function parseMeminfo(text: string): ReadonlyMap<string, number> {
  const bytes = new Map<string, number>();
  for (const [key, value] of parseFields(text)) {
    const match = /^(\d+)( kB)?$/.exec(value);
    if (match !== null) bytes.set(key, Number(match[1]) * (match[2] === undefined ? 1 : 1024));
  }
  return bytes;
}

export interface CpuInfo {
  readonly model: string;
  readonly flags: ReadonlySet<string>;
}

/** /proc/cpuinfo of x86 (`model name`, `flags`) and of ARM (`Features`, no model). */
export function parseCpuinfo(text: string): CpuInfo {
  const fields = parseFields(text);
  const arm = fields.get('CPU part');
  const model = fields.get('model name') ?? fields.get('Model') ?? (arm && `ARM part ${arm}`) ?? 'unknown';
  const flags = fields.get('flags') ?? fields.get('Features') ?? '';
  return { model, flags: new Set(flags.split(/\s+/).filter((flag) => flag !== '')) };
}

export interface FileLimitText {
  readonly soft: number | null;
  readonly hard: number | null;
}

/** The row of open files in /proc/PID/limits; null is "unlimited". */
export function parseOpenFiles(text: string): FileLimitText | undefined {
  const match = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(text);
  if (match === null) return undefined;
  const limit = (word: string): number | null => (word === 'unlimited' ? null : Number(word));
  return { soft: limit(match[1]!), hard: limit(match[2]!) };
}

/** /etc/os-release: shell assignments, quoted or not. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line.trim());
    if (match !== null) fields.set(match[1]!, match[2] ?? match[3] ?? match[4] ?? '');
  }
  return fields;
}

/** The chosen word of `always [madvise] never`. */
export function parseChoice(text: string): string | null {
  return /\[(\w+)\]/.exec(text)?.[1] ?? null;
}

export function parseNumber(text: string | undefined): number | null {
  const trimmed = text?.trim();
  return trimmed !== undefined && /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : null;
}

/** The members that both sets have. */
export function inBoth(one: ReadonlySet<number>, other: ReadonlySet<number>): ReadonlySet<number> {
  return new Set([...one].filter((member) => other.has(member)));
}

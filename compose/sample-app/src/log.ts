// JSON lines on stdout. No bodies, no query strings, no secrets.

export type Level = 'info' | 'warn' | 'error';

export function log(level: Level, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`);
}

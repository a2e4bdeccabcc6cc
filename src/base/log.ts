// The daemon's log: JSON lines on stderr. What could be a secret is cut out by its key, and every secret that is known
// by its value, wherever it stands: in a message, in a nested error, in a stack.

import pino from 'pino';

export interface Logger extends pino.Logger {
  /** From now on every text of every line passes through `mask`, those of children too. */
  maskWith(mask: (text: string) => string): void;
}

const SECRET_KEYS = ['password', 'secret', 'token', 'authorization', 'cookie', 'accessKey', 'secretKey'];

export function createLogger(
  level = 'info',
  destination: pino.DestinationStream = pino.destination({ fd: 2, sync: true }),
): Logger {
  const paths = SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);
  let mask = (text: string): string => text;
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths, censor: '[redacted]' },
      hooks: { streamWrite: (line) => maskedLine(line, mask) },
    },
    destination,
  );
  return Object.assign(log, {
    maskWith(next: (text: string) => string) {
      mask = next;
    },
  });
}

/** Text by text and not the line as a whole: a line's quotes and line ends are written otherwise than a secret's. */
function maskedLine(line: string, mask: (text: string) => string): string {
  const masked: unknown = JSON.parse(line, (_, value: unknown) =>
    typeof value === 'string' ? mask(value) : value,
  );
  return `${JSON.stringify(masked)}\n`;
}

// The daemon's log: JSON lines on stderr. What could be a secret is cut out by key before it is written.

import pino from 'pino';

export type Logger = pino.Logger;

const SECRET_KEYS = ['password', 'secret', 'token', 'authorization', 'cookie', 'accessKey', 'secretKey'];

export function createLogger(level = 'info'): Logger {
  const paths = SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths, censor: '[redacted]' },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}

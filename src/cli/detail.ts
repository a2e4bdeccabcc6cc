// One of several findings as a line: a mistake in a file with its place and what would be right.

import type { ErrorDetail } from '../base/errors.ts';

export function detailInWords({ message, file, line, column, fix }: ErrorDetail): string {
  const isPlaced = typeof file === 'string' && typeof line === 'number' && typeof column === 'number';
  if (!isPlaced || message.startsWith(`${file}:`)) return message;
  return `${file}:${line}:${column} ${message} ${typeof fix === 'string' ? fix : ''}`.trimEnd();
}

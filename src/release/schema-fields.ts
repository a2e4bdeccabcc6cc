// The kinds of values that `x-onstead` blocks hold. `expect` finishes the sentence "… must be", `example` shows what
// would be right; both feed the error messages and the reference page.

import { Type } from '../base/schema.ts';

export const closed = { additionalProperties: false } as const;

const SEMVER =
  '^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(-[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?(\\+[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?$';

export const Version = (description: string) =>
  Type.String({
    description,
    pattern: SEMVER,
    maxLength: 100,
    expect: 'a semantic version',
    example: '1.4.0',
    quoted: true,
  });

export const DURATION_PATTERN = '^(?=\\d)(\\d{1,4}d)?(\\d{1,5}h)?(\\d{1,6}m(?!s))?(\\d{1,7}s)?(\\d{1,9}ms)?$';

export const Duration = (description: string) =>
  Type.String({
    description,
    pattern: DURATION_PATTERN,
    expect: 'a duration with its unit',
    example: '30s',
  });

export const Size = (description: string) =>
  Type.String({
    description,
    pattern: '^\\d+(\\.\\d+)?\\s*[kKmMgGtT]([iI]?[bB])?$',
    expect: 'a size with its unit',
    example: '512M',
  });

export const Path = (description: string, example: string) =>
  Type.String({
    description,
    pattern: '^/[\\x21-\\x7e]*$',
    maxLength: 500,
    expect: 'a path on the service that starts with /',
    example,
  });

export const Command = (description: string, example: string) =>
  Type.Array(Type.String({ minLength: 1, expect: 'text', example: '--all' }), {
    description,
    minItems: 1,
    maxItems: 100,
    expect: 'a command as a list of words',
    example,
  });

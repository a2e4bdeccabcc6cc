// Ids that sort by time and can be read aloud: `install-20261121-054512-k3f9`.

import { randomBytes } from 'node:crypto';

const ALPHABET = '23456789abcdefghjkmnpqrstuvwxyz';

export function newId(kind: string, now: Date): string {
  const stamp = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const tail = [...randomBytes(4)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('');
  return `${kind}-${stamp}-${tail}`;
}

// BLAKE2b (RFC 7693) with a digest of any length up to 64 bytes. Node offers only 64, and truncating that is not
// the same; minisign's secret key files carry a 32-byte checksum. For a few hundred bytes, not for files.

const MASK = (1n << 64n) - 1n;
const BLOCK = 128;

const IV: readonly bigint[] = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
];

const SIGMA = [
  '0123456789abcdef',
  'ea489fd61c02b753',
  'b8c052fdae367194',
  '7931dcbe265a40f8',
  '905724afe1bc683d',
  '2c6a0b834d75fe19',
  'c51fed4a0763928b',
  'db7ec13950f4862a',
  '6fe9b308c2d714a5',
  'a2847615fb9e3cd0',
].map((row) => [...row].map((digit) => Number.parseInt(digit, 16)));

/** Which four of the sixteen working words each of the eight mixings of a round takes. */
const MIXINGS = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const;

export function blake2b(data: Uint8Array, digestBytes: number): Buffer {
  const state = [...IV];
  state[0]! ^= 0x01010000n ^ BigInt(digestBytes);
  const blocks = Math.max(1, Math.ceil(data.length / BLOCK));
  for (let index = 0; index < blocks; index += 1) {
    const block = Buffer.alloc(BLOCK);
    block.set(data.subarray(index * BLOCK, (index + 1) * BLOCK));
    const last = index === blocks - 1;
    compress(state, block, BigInt(last ? data.length : (index + 1) * BLOCK), last);
  }
  const out = Buffer.alloc(64);
  state.forEach((word, index) => out.writeBigUInt64LE(word, index * 8));
  return out.subarray(0, digestBytes);
}

function compress(state: bigint[], block: Buffer, count: bigint, last: boolean): void {
  const words = Array.from({ length: 16 }, (_, index) => block.readBigUInt64LE(index * 8));
  const work = [...state, ...IV];
  work[12]! ^= count;
  if (last) work[14]! ^= MASK;
  for (let round = 0; round < 12; round += 1) {
    const order = SIGMA[round % 10]!;
    MIXINGS.forEach((at, index) => mix(work, at, words[order[2 * index]!]!, words[order[2 * index + 1]!]!));
  }
  for (let index = 0; index < 8; index += 1) state[index]! ^= work[index]! ^ work[index + 8]!;
}

function mix(work: bigint[], [a, b, c, d]: (typeof MIXINGS)[number], x: bigint, y: bigint): void {
  work[a] = (work[a]! + work[b]! + x) & MASK;
  work[d] = turned(work[d]! ^ work[a], 32n);
  work[c] = (work[c]! + work[d]) & MASK;
  work[b] = turned(work[b]! ^ work[c], 24n);
  work[a] = (work[a] + work[b] + y) & MASK;
  work[d] = turned(work[d] ^ work[a], 16n);
  work[c] = (work[c] + work[d]) & MASK;
  work[b] = turned(work[b] ^ work[c], 63n);
}

function turned(word: bigint, by: bigint): bigint {
  return ((word >> by) | (word << (64n - by))) & MASK;
}

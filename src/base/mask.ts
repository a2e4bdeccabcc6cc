// What must not be read, taken out of every text of a value. For the borders that a value leaves by: the journal, the API.

/** The text without what must not be read. */
export type Mask = (text: string) => string;

/** A copy of plain data with each of its texts masked; keys stay as they are. */
export function maskTexts<T>(value: T, mask: Mask): T {
  return masked(value, mask) as T; // the same shape, with other texts
}

function masked(value: unknown, mask: Mask): unknown {
  if (typeof value === 'string') return mask(value);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => masked(item, mask));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, masked(item, mask)]));
}

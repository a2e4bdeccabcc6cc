// Two things at once, because requests are waiting.

/** Both to their end, whatever the other comes to: nobody may go on with one of them in the background. */
export async function both<First>(first: Promise<First>, second: Promise<void>): Promise<First> {
  const [one, other] = await Promise.allSettled([first, second]);
  if (one.status === 'rejected') throw one.reason;
  if (other.status === 'rejected') throw other.reason;
  return one.value;
}

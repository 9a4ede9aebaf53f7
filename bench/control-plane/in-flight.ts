/** Does `work` for 0 to count - 1, so many at a time. */
export async function inFlight(
  count: number,
  work: (at: number) => Promise<unknown>,
  width: number = clientWidth,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker))
}

/** What our client of the API server has under way at most. */
const clientWidth = 64

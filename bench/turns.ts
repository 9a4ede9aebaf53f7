/**
 * A B C A B C: every contestant has its turn in every round, so that what the machine does meanwhile meets all alike.
 * @returns per contestant what its turns gave, in order
 */
export async function takeTurns<Contestant, Result>(
  contestants: readonly Contestant[],
  rounds: number,
  turn: (contestant: Contestant, round: number) => Promise<Result> | Result,
): Promise<Map<Contestant, Result[]>> {
  const results = new Map<Contestant, Result[]>(contestants.map(contestant => [contestant, []]))
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants) results.get(contestant)?.push(await turn(contestant, round))
  }
  return results
}

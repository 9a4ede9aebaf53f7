import type { Figure } from '../results.ts'
import { median, quantile } from '../statistics.ts'

/** One measure of both trees: a value of each for every turn. */
export interface Pairs {
  readonly name: string
  readonly unit: string
  readonly ours: readonly number[]
  readonly theirs: readonly number[]
}

/** The ratio of each turn, so that what the machine did meanwhile meets both: its median, and the two quartiles. */
export function ratiosOf({ ours, theirs }: Pairs): { low: number; middle: number; high: number } {
  const ratios = ours.map((value, turn) => value / (theirs[turn] ?? Number.NaN))
  return { low: quantile(ratios, 0.25), middle: median(ratios), high: quantile(ratios, 0.75) }
}

export function pairedFigures(pairs: readonly Pairs[], base: string): Figure[] {
  return pairs.flatMap(pair => {
    const { low, middle, high } = ratiosOf(pair)
    const { name, unit, ours, theirs } = pair
    const ratio = (suffix: string, value: number): Figure => ({ name: name + suffix, unit: '×', value, n: ours.length })
    return [
      { name, unit, value: median(ours), peer: { name: base, value: median(theirs) }, n: ours.length },
      ratio('-ratio-q1', low),
      ratio('-ratio-median', middle),
      ratio('-ratio-q3', high),
    ]
  })
}

export function sentenceOf(pair: Pairs): string {
  const { low, middle, high } = ratiosOf(pair)
  const text = (value: number): string => value.toFixed(3)
  return `${pair.name.padEnd(28)} ${text(middle)} × (quartiles ${text(low)} to ${text(high)}, ${pair.ours.length} turns)`
}

/** The middle one, or the mean of the two in the middle. @throws Error without values */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The median of one value of each run. */
export function middle<T>(runs: readonly T[], value: (run: T) => number): number {
  return median(runs.map(value))
}

/** Linear between neighbours, as most tools do. @throws Error without values */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)]
  const high = sorted[Math.ceil(at)]
  if (low === undefined || high === undefined) throw new Error('no values')
  return low + (high - low) * (at - Math.floor(at))
}

/** Least squares: how much y grows when x grows by one. Zero when all x are equal. */
export function slope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length
  let covariance = 0
  let variance = 0
  for (const { x, y } of points) {
    covariance += (x - meanX) * (y - meanY)
    variance += (x - meanX) ** 2
  }
  return variance === 0 ? 0 : covariance / variance
}

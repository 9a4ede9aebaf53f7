/** RFC 3339 with exactly six decimals: Kubernetes' MicroTime refuses any other number of them. */
export function microTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z')
}

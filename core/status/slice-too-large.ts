/** Pods whose guard is not sent the slice: how many, the first ones, and the memory with which all would take it. */
export interface SliceTooLarge {
  /** Bytes; absent: the slice is larger than any guard is sent. */
  readonly memory?: number
  readonly count: number
  readonly pods: readonly string[]
}

const namedAtMost = 3
const mebibyte = 1_048_576

/** Always the same for the same pods, however they come; undefined where every guard takes the slice. */
export function joinTooLarge(
  found: readonly { readonly name: string; readonly memory: number | undefined }[],
): SliceTooLarge | undefined {
  if (found.length === 0) return undefined
  const memory = Math.max(...found.map(guard => guard.memory ?? Number.POSITIVE_INFINITY))
  const pods = found.map(({ name }) => name).sort()
  return { ...(Number.isFinite(memory) && { memory }), count: pods.length, pods: pods.slice(0, namedAtMost) }
}

/** What it means for callers, and what to do. */
export function tooLargeText({ memory, count, pods }: SliceTooLarge, isCentral: boolean): string {
  const more = count > pods.length ? ` and ${count - pods.length} more` : ''
  const kept = `The policy is too large for the guards of ${pods.join(', ')}${more}. They go on with the one before, without what was revoked or granted since, until it is older than maxStaleness; new ones deny.`
  if (memory === undefined)
    return `${kept} It is larger than any guard is sent: divide the service, or grant fewer clients.`
  const needed = `${memory / mebibyte}Mi`
  const where = isCentral
    ? `Set authorizer.resources.limits.memory of the chart to ${needed} or more.`
    : `They need ${needed}: put latchkey.dev/guard-memory: ${needed} into the annotations of the pod template and roll out.`
  return `${kept} ${where}`
}

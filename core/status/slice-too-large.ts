/** Clients that guards are not told of, the largest ones by name. */
export interface RefusedClients {
  readonly count: number
  readonly clients: readonly string[]
}

/** Pods whose guard is not sent all of the slice: how many, the first ones, and the memory with which all would take it. */
export interface SliceTooLarge {
  /** Bytes; absent: the slice is larger than any guard is sent. */
  readonly memory?: number
  readonly count: number
  readonly pods: readonly string[]
  /** Absent: some guards are sent nothing, and go on with what they have. */
  readonly refused?: RefusedClients
}

const namedAtMost = 3
const mebibyte = 1_048_576

/** Always the same for the same pods, however they come; undefined where every guard takes the slice. */
export function joinTooLarge(
  found: readonly { readonly name: string; readonly memory?: number; readonly refused?: RefusedClients }[],
): SliceTooLarge | undefined {
  if (found.length === 0) return undefined
  const memory = Math.max(...found.map(guard => guard.memory ?? Number.POSITIVE_INFINITY))
  const pods = found.map(({ name }) => name).sort()
  const told = found.flatMap(guard => guard.refused ?? [])
  // Who takes least is told of fewest.
  const [refused] = told.length < found.length ? [] : told.sort((a, b) => b.count - a.count)
  return {
    ...(Number.isFinite(memory) && { memory }),
    ...{ count: pods.length, pods: pods.slice(0, namedAtMost) },
    ...(refused && { refused }),
  }
}

/** What it means for callers, and what to do. */
export function tooLargeText({ memory, count, pods, refused }: SliceTooLarge, isCentral: boolean): string {
  const more = count > pods.length ? ` and ${count - pods.length} more` : ''
  const held = refused
    ? `They have all of it that fits: what is revoked is refused there as everywhere, and so ${refusedText(refused)}.`
    : 'They go on with the one before, without what was revoked or granted since, until it is older than maxStaleness; new ones deny.'
  const kept = `The policy is too large for the guards of ${pods.join(', ')}${more}. ${held}`
  if (memory === undefined)
    return `${kept} It is larger than any guard is sent: divide the service, or grant fewer clients.`
  const needed = `${memory / mebibyte}Mi`
  const where = isCentral
    ? `Set authorizer.resources.limits.memory of the chart to ${needed} or more.`
    : `They need ${needed}: put latchkey.dev/guard-memory: ${needed} into the annotations of the pod template and roll out.`
  return `${kept} ${where}`
}

function refusedText({ count, clients }: RefusedClients): string {
  if (count === 0) return 'is everybody whose grant or role had no place'
  const more = count > clients.length ? ` and ${count - clients.length} more` : ''
  return `${count === 1 ? 'is the largest client' : 'are the largest clients'}, ${clients.join(', ')}${more}`
}

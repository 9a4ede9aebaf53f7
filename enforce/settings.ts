/** `host:port` or `:port`; without a host all addresses. */
export interface ListenAddress {
  readonly host?: string
  readonly port: number
}

/** @returns the text when it is `namespace/name` */
export function serviceName(given: string): string | undefined {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/.test(given) ? given : undefined
}

/** Reads `host:port`, `[v6]:port` or `:port`. */
export function readListen(given: string): ListenAddress | undefined {
  const match = /^(\[([0-9A-Fa-f:.]+)\]|[A-Za-z0-9.-]+)?:([0-9]{1,5})$/.exec(given)
  const port = Number(match?.[3])
  if (!match || port > 65_535) return undefined
  const host = match[2] ?? match[1]
  return host === undefined ? { port } : { host, port }
}

/** Taken as it is, so that it can end in a slash or in `#`. */
export function readProblemBase(given: string): string | undefined {
  const isUrl = URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)
  return isUrl && given.length <= 512 && /^[\x21-\x7e]+$/.test(given) ? given : undefined
}

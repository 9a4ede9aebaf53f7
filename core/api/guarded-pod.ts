/** What a guarded pod has and others count on: numbers of the guard's ports, and what the pod's author says of more. */
export const guardPorts = { calls: 15080, admin: 15081 } as const

/** Ports of the pod that are meant to be reached without the guard, separated by commas. */
export const openPortsAnnotation = 'latchkey.dev/open-ports'

/** How much memory the guard of this pod gets, where a policy is too large for what the installation gives. */
export const guardMemoryAnnotation = 'latchkey.dev/guard-memory'

/** The name of the guard's container, which no other may have. */
export const guardContainerName = 'latchkey-guard'

/** The place for a socket's path is 104 bytes on the smallest system, and 108 on Linux with the zero at its end. */
export const maxSocketPathBytes = 104

/** @returns what is wrong with the path of a Unix socket, to be said behind its name */
export function socketPathFault(path: string): string | undefined {
  if (!path.startsWith('/')) return 'must be an absolute path, for example /run/app/app.sock'
  if (path.length > maxSocketPathBytes) {
    return `must have at most ${maxSocketPathBytes} characters, as many as the path of a socket can have`
  }
  const isPlain = /^(\/[A-Za-z0-9._+-]+)+$/.test(path) && !path.split('/').some(name => name === '.' || name === '..')
  return isPlain ? undefined : 'must be made of letters, digits and . _ + - between single slashes, without . and ..'
}

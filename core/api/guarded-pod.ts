/** What a guarded pod has and others count on: numbers of the guard's ports, and what the pod's author says of more. */
export const guardPorts = { calls: 15080, admin: 15081 } as const

/** Ports of the pod that are meant to be reached without the guard, between commas. */
export const openPortsAnnotation = 'latchkey.dev/open-ports'

/** The name of the guard's container, which no other may have. */
export const guardContainerName = 'latchkey-guard'

/** What a guarded pod has and others count on: numbers of the guard's ports, and what the pod's author says of more. */
export const guardPorts = { calls: 15080, admin: 15081 } as const

/** Ports of the pod that are meant to be reached without the guard, between commas. */
export const openPortsAnnotation = 'latchkey.dev/open-ports'

/** The label on a namespace that names the organization its clients belong to. */
export const organizationLabel = 'latchkey.dev/organization'
/** The label on a namespace that says which installation its objects belong to; absent means `default`. */
export const installationLabel = 'latchkey.dev/installation'
/** The annotation on the pods of a central guard: which services it enforces, as `namespace/name` separated by commas. */
export const enforcesAnnotation = 'latchkey.dev/enforces'
/** The label on a pod that names the GuardedService whose guard it gets. */
export const guardLabel = 'latchkey.dev/guard'
/** The annotation on an object of ours that has the operator leave it alone, but for what takes rights away. */
export const pausedAnnotation = 'latchkey.dev/paused'

/** Namespace of the services and of who may call them. */
export const namespace = 'shop'
/** The role that every service knows. */
export const sharedRole = 'shared'
/** What the peer watches. */
export const watched = 'watched'

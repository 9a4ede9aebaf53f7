/** Longest life of an access token, seconds. */
export const maxAccessTokenSeconds = 3_600

export const accountPrefix = 'serviceaccount:'

/** In an access token: what the client got it with, the `kid` of the key or `serviceaccount:<name>`. */
export const keyClaim = 'key_id'

import fc from 'fast-check'

/**
 * What JSON writes without escapes. V8's JSON.parse may take a name with escapes for another one that it read before
 * (docs/decisions/0028), so what was written could not be compared with what is read.
 */
const name = fc.string({ maxLength: 6 }).filter(text => JSON.stringify(text).length === text.length + 2)

const constraints = (depth: number) => ({
  key: name,
  values: [fc.string(), fc.double({ noDefaultInfinity: true, noNaN: true }), fc.boolean(), fc.constant(null)],
  maxDepth: depth,
})

/** Any value that JSON can write, with so many levels of objects and arrays at most. */
export const anyJson = (depth: number) => fc.anything(constraints(depth))

/** The same, an object. */
export const anyObject = (depth: number) => fc.object({ ...constraints(depth), maxKeys: 6 })

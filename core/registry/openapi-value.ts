/** What is wrong in a document and where, as a sentence. */
export interface Fault {
  readonly fault: string
}

/** @param place keys from the root; the document's author chose them, so they are cut and made printable */
export function faultAt(place: readonly string[], what: string): Fault {
  const where = place.join('.').replaceAll(/[^\x20-\x7e]/g, '?')
  return { fault: `At ${where.length > 300 ? `${where.slice(0, 300)}…` : where}: ${what}.` }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

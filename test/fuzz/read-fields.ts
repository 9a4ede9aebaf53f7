/** A field as sent, its value without the white space around it. */
export interface Field {
  readonly name: string
  readonly value: string
}

export type FieldsStep =
  | { readonly kind: 'fields'; readonly fields: readonly Field[]; readonly next: number }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'fault'; readonly why: string }

export const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const fieldLine = /^([^:]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/

/** Reads field lines up to the empty one: RFC 9112 section 5, without line folding. */
export function readFields(text: string, from: number): FieldsStep {
  const fields: Field[] = []
  let at = from
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    const line = text.slice(at, lineEnd === -1 ? text.length : lineEnd)
    if (/[\r\n\0]/.test(lineEnd === -1 ? line.replace(/\r$/, '') : line)) {
      return { kind: 'fault', why: 'a bare CR, LF or NUL in a field line' }
    }
    if (lineEnd === -1) return { kind: 'incomplete' }
    if (line === '') return { kind: 'fields', fields, next: lineEnd + 2 }
    const [, name = '', value = ''] = fieldLine.exec(line) ?? []
    if (!token.test(name)) return { kind: 'fault', why: 'a line that is no field' }
    fields.push({ name, value: value.replace(/[\t ]+$/, '') })
    at = lineEnd + 2
  }
}

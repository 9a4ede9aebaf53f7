import { Document, visit } from 'yaml'
import { drawing, escaped } from './drawing.ts'

export function asYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false })
  visit(document, {
    Scalar(_, scalar) {
      if (typeof scalar.value === 'string' && drawing.test(scalar.value)) scalar.type = 'QUOTE_DOUBLE'
    },
  })
  return document.toString({ lineWidth: 0 }).split('\n').map(escaped).join('\n')
}

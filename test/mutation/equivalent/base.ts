import type { Equivalent } from '../report.ts'

const json = 'core/base/strict-json.ts'

export const base: readonly Equivalent[] = [
  {
    file: json,
    from: 'members === undefined',
    to: ['false'],
    why: 'no value has undefined members; the line keeps JSON.parse from deep texts, where it would throw into the same answer',
  },
  { file: json, from: '{ return undefined }', to: ['{}'], why: 'a function without a value gives undefined' },
  {
    file: json,
    from: 'false',
    to: ['true'],
    on: 'let isEscaped',
    why: 'a colon before any name is no JSON: JSON.parse refuses it',
  },
  { file: json, from: 'index < text.length', to: ['index <= text.length'], why: 'past the end there is no character' },
  { file: json, from: 'index < 0', to: ['index <= 0'], why: 'a string ends after it begins, so never at 0' },
  { file: json, from: 'index < end', to: ['index <= end'], why: 'at its end stands the quote' },
]

import type { Equivalent } from '../report.ts'

const project = 'core/rows/project-rows.ts'
const parse = 'core/rows/parse-row.ts'
const seen = 'core/rows/seen.ts'
const added = ['["Stryker was here"]']

export const rows: readonly Equivalent[] = [
  {
    file: project,
    from: '!touched.has(row.type)',
    to: ['false'],
    why: 'a row of another type comes out as it is; it only saves the way through',
  },
  {
    file: project,
    from: 'service || route',
    to: ['true'],
    why: 'as above: one more type is looked through for nothing',
  },
  { file: project, from: '[]', to: added, why: 'as above: no row is of such a type' },
  {
    file: project,
    from: 'expiresAt !== undefined',
    to: ['true'],
    why: 'a member that is undefined is none, in JSON and in the hash',
  },
  {
    file: parse,
    from: 'required[name]?.(member)',
    to: ['required[name](member)'],
    why: 'the line asks first whether it is there',
  },
  {
    file: parse,
    from: 'optional[name]?.(member)',
    to: ['optional[name](member)'],
    why: 'the line asks first whether it is there',
  },
  {
    file: seen,
    from: 'left.length < right.length',
    to: ['left.length <= right.length'],
    why: 'by then they differ in length',
  },
  { file: seen, from: 'left < right', to: ['left <= right'], why: 'by then they differ' },
  {
    file: seen,
    from: 'mine === undefined',
    to: ['false'],
    why: 'undefined is no number either, and what cannot be compared is not dominated',
  },
]

import type { Equivalent } from '../report.ts'

const path = 'core/matching/path.ts'

export const matching: readonly Equivalent[] = [
  {
    file: path,
    from: 'code === percent',
    to: ['true'],
    why: 'the reader of escapes refuses what it does not take, too',
  },
  {
    file: path,
    from: 'end === target.length',
    to: ['false'],
    why: 'cut at its end a text is itself; it only saves the cut',
  },
  {
    file: path,
    from: 'false',
    to: ['true'],
    on: 'let isEscaped',
    why: 'decoding a segment without escapes changes nothing',
  },
  {
    file: path,
    from: 'high < 0 || low < 0',
    to: ['false', 'high < 0 && low < 0'],
    why: 'decodeURIComponent refuses a bad escape after us',
  },
  { file: path, from: 'high < 0', to: ['false', 'high <= 0'], why: 'as above; and below %10 all are control bytes' },
  { file: path, from: 'low < 0', to: ['false'], why: 'as above' },
  { file: path, from: 'false', to: ['true'], on: 'if (high < 0', why: 'as above' },
  { file: path, from: 'code >= 0x30', to: ['true'], why: 'as above: a character below 0 counts below 0' },
  { file: path, from: 'code >= 0x41', to: ['true'], why: 'as above: what is no digit is refused after us' },
  {
    file: path,
    from: 'code >= 0x61 && code <= 0x66',
    to: ['true', 'code >= 0x61 || code <= 0x66'],
    why: 'as above',
  },
  { file: path, from: 'code >= 0x61', to: ['true'], why: 'as above' },
  { file: path, from: 'code <= 0x66', to: ['true'], why: 'as above' },
  { file: path, from: '-1', to: ['+1'], on: 'return -1', why: 'as above' },
  { file: path, from: '{ return undefined }', to: ['{}'], why: 'a function without a value gives undefined' },
  {
    file: path,
    from: 'index < target.length',
    to: ['index <= target.length'],
    why: 'past the end there is no character',
  },
]

import type { Equivalent } from '../report.ts'

const body = 'platform/wire/body.ts'
const answer = 'platform/wire/read-answer.ts'
const head = 'platform/wire/read-head.ts'
const fields = 'platform/wire/fields/read-fields.ts'
const request = 'platform/wire/read-request.ts'

const asWritten = 'a line that is written anew is the same where it stood so; it only saves the writing'

export const wire: readonly Equivalent[] = [
  {
    file: 'platform/wire/request-id.ts',
    from: 'next === idsAtOnce',
    to: ['true'],
    why: 'random bytes are as good anew; it only saves getting them',
  },
  {
    file: 'platform/wire/request-id.ts',
    from: 'at < 16',
    to: ['at <= 16'],
    why: 'there is no seventeenth place, so nothing is written',
  },
  { file: body, from: "'request'", to: ['""'], why: 'only whether it is of an answer makes a difference' },
  {
    file: body,
    from: "body.framing === 'sized'",
    to: ['true'],
    on: 'body.left -=',
    why: 'of a body up to the end of its connection nobody looks at what is left',
  },
  {
    file: body,
    from: 'body.done || body.broken',
    to: ['true'],
    why: 'the caller goes on where it came to; it only saves the calls',
  },
  { file: body, from: 'digit < 16', to: ['digit <= 16'], why: 'a digit is below 16, and what is none is 255' },
  { file: body, from: "'trailer-lf'", to: ['""'], why: 'it is the state of a trailer that is none of the others' },
  {
    file: answer,
    from: 'listed !== keepAlive',
    to: ['true'],
    why: 'the list has nothing more either; it only saves the look',
  },
  {
    file: answer,
    from: 'found.keepAlive === undefined',
    to: ['false'],
    why: 'the text of undefined has no time-out',
  },
  { file: answer, from: 'digit >= 0', to: ['true'], why: 'every digit below 0 is refused, as -1 is' },
  { file: answer, from: 'field.endsHere || !isPlain(bytes, place)', to: ['true'], why: asWritten },
  { file: answer, from: 'run < at', to: ['true', 'run <= at'], why: 'where nothing stands nothing is taken over' },
  {
    file: answer,
    from: '{ return valueStart === nameEnd + 2 && bytes[nameEnd + 1] === 0x20 && valueEnd === next - 2 }',
    to: ['{}'],
    why: asWritten,
  },
  {
    file: answer,
    from: 'valueStart === nameEnd + 2 && bytes[nameEnd + 1] === 0x20 && valueEnd === next - 2',
    to: ['false'],
    why: asWritten,
  },
  { file: answer, from: 'nameEnd + 2', to: ['nameEnd - 2'], why: asWritten },
  { file: answer, from: 'nameEnd + 1', to: ['nameEnd - 1'], why: asWritten },
  { file: answer, from: 'next - 2', to: ['next + 2'], why: asWritten },
  {
    file: answer,
    from: "name !== 'keep-alive'",
    to: ['true'],
    why: 'the field of that name never passes; it only saves the look',
  },
  { file: answer, from: "'keep-alive'", to: ['""'], on: 'listed.some', why: 'as above' },
  { file: answer, from: "name !== 'upgrade'", to: ['true'], why: 'as above' },
  { file: answer, from: "'upgrade'", to: ['""'], on: 'listed.some', why: 'as above' },
  {
    file: answer,
    from: "connection === 'keep-alive'",
    to: ['false'],
    why: 'the list that is read has it, too; it only saves the reading',
  },

  {
    file: head,
    from: 'at < method.length',
    to: ['true', 'at <= method.length'],
    on: 'while',
    why: 'behind the method there is no character, and no byte is that',
  },
  {
    file: head,
    from: "text.startsWith('HTTP/1.1\\r\\n', at)",
    to: ['false', "text.endsWith('HTTP/1.1\\r\\n', at)"],
    why: 'the next line finds the same; it only saves the pattern',
  },
  {
    file: head,
    from: '/^HTTP\\/(\\d\\.\\d)\\r\\n/',
    to: ['/HTTP\\/(\\d\\.\\d)\\r\\n/'],
    why: 'it is as long as what it is looked for in',
  },
  {
    file: fields,
    from: 'last > place.valueStart',
    to: ['true', 'last >= place.valueStart'],
    why: 'a value of white space is empty, wherever it ends before its beginning',
  },
  { file: request, from: 'name.single !== 0', to: ['true'], why: '0 has no bit that could be seen before' },
  { file: request, from: 'name.slot !== slots.other', to: ['true'], why: 'nothing is kept of the slot of others' },
  {
    file: request,
    from: 'at + 1 < raw.length',
    to: ['at + 1 <= raw.length'],
    why: 'names and values come in pairs: there is no half one',
  },
  { file: request, from: "method === 'GET'", to: ['false'], why: 'GET fits the pattern, too; it only saves it' },
  { file: request, from: 'requestId !== undefined', to: ['true'], why: 'what is given then is undefined, too' },
  {
    file: request,
    from: "value === 'keep-alive'",
    to: ['false'],
    why: 'the list that is read has it, too; it only saves the reading',
  },
]

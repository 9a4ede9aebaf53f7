import { type AnswerField, answerField } from './fields/answer-field.ts'
import { valueCharacter } from './fields/characters.ts'
import { type FieldPlace, placeField } from './fields/read-fields.ts'

/** The head of an app's answer as the caller gets it, and how its body is framed. */
export interface AnswerHead {
  readonly status: number
  /** The lines of the fields that pass, each with its line end. */
  readonly fields: string
  readonly hasDate: boolean
  /** `none` also when the status or the method allows no body. */
  readonly framing: 'none' | 'sized' | 'chunked' | 'to-close'
  /** As the app said it; undefined when it did not. */
  readonly length: number | undefined
  /** Whether the app takes another request on this connection. */
  readonly keepsOpen: boolean
  /** How long the app says it keeps the connection, seconds. */
  readonly keepsSeconds: number | undefined
  /** Of a 101: the protocol, when Connection names the upgrade. */
  readonly upgrade: string | undefined
}

const maxAnswerFields = 256
const place: FieldPlace = { nameEnd: 0, valueStart: 0, valueEnd: 0, next: 0 }

interface Found {
  fields: string
  count: number
  hasDate: boolean
  length: number | undefined
  chunked: boolean
  connection: string | undefined
  keepAlive: string | undefined
  upgrade: string | undefined
}

/** RFC 9110 section 15: there are no others, and HTTP/2 cannot say them here. */
const maxStatus = 599

/**
 * Reads the head of an answer as strictly as that of a request. Length and chunks together, a second length, an unknown
 * coding: each could end the answer elsewhere for the caller than for the guard, so there is no answer then. Callers of
 * HTTP/1.1 and of HTTP/2 get what was read here.
 * @param bytes from the first byte of the head on
 * @param text the same, one character per byte
 * @param end where the empty line's CR LF CR LF begins
 * @returns undefined when it is no head that can be passed on
 * @see RFC 9112 sections 4, 5 and 6.3
 */
export function readAnswer(bytes: Uint8Array, text: string, end: number, method: string): AnswerHead | undefined {
  const line = readStatusLine(text)
  if (!line) return undefined
  const found = readFields(bytes, text, line.next, end + 2)
  if (!found) return undefined
  const listed = found.connection === undefined ? undefined : listOf(found.connection)
  if (listed && listed !== keepAlive && listsMore(listed)) found.fields = without(found.fields, listed)
  const { status, isOld } = line
  const { chunked, length } = found
  if (chunked && (isOld || length !== undefined)) return undefined
  const bodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304
  const keepsOpen = isOld ? listed?.includes('keep-alive') === true : !listed?.includes('close')
  return {
    status,
    fields: found.fields,
    hasDate: found.hasDate,
    framing: bodiless || (length === 0 && !chunked) ? 'none' : framingOf(chunked, length),
    length: status === 204 ? undefined : length,
    keepsOpen,
    keepsSeconds: found.keepAlive === undefined ? undefined : secondsOf(found.keepAlive),
    upgrade: listed?.includes('upgrade') ? found.upgrade?.toLowerCase() : undefined,
  }
}

function framingOf(chunked: boolean, length: number | undefined): AnswerHead['framing'] {
  if (chunked) return 'chunked'
  return length === undefined ? 'to-close' : 'sized'
}

/** @see RFC 9112 section 4 */
function readStatusLine(text: string): { status: number; isOld: boolean; next: number } | undefined {
  const isOld = text.startsWith('HTTP/1.0 ')
  if (!isOld && !text.startsWith('HTTP/1.1 ')) return undefined
  const [hundreds, tens, ones] = [digitAt(text, 9), digitAt(text, 10), digitAt(text, 11)]
  const status = hundreds * 100 + tens * 10 + ones
  if (hundreds < 1 || tens < 0 || ones < 0 || status > maxStatus) return undefined
  let at = 12
  // The space behind the status stays away in common software when there is no reason phrase.
  if (text.charCodeAt(at) === 0x20) {
    do at++
    while (valueCharacter[text.charCodeAt(at)] === 1)
  }
  if (!text.startsWith('\r\n', at)) return undefined
  return { status, isOld, next: at + 2 }
}

/** @returns -1 when there is none */
function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - 0x30
  return digit >= 0 && digit <= 9 ? digit : -1
}

function readFields(bytes: Uint8Array, text: string, from: number, end: number): Found | undefined {
  const found: Found = {
    fields: '',
    count: 0,
    hasDate: false,
    length: undefined,
    chunked: false,
    connection: undefined,
    keepAlive: undefined,
    upgrade: undefined,
  }
  let at = from
  // Lines that pass as they stand are taken over together, not one by one.
  let run = from
  while (at < end) {
    if (placeField(bytes, at, place)) return undefined
    const field = answerField(text.slice(at, place.nameEnd))
    if (field.role !== 'other' && !keep(found, field, text.slice(place.valueStart, place.valueEnd))) return undefined
    if (field.endsHere || !isPlain(bytes, place)) {
      if (run < at) found.fields += text.slice(run, at)
      if (!field.endsHere) found.fields += `${field.label}${text.slice(place.valueStart, place.valueEnd)}\r\n`
      run = place.next
    }
    if (++found.count > maxAnswerFields) return undefined
    at = place.next
  }
  if (run < at) found.fields += text.slice(run, at)
  return found
}

/** Whether a line stands as it would be written: one space behind the colon, none behind the value. */
function isPlain(bytes: Uint8Array, { nameEnd, valueStart, valueEnd, next }: FieldPlace): boolean {
  return valueStart === nameEnd + 2 && bytes[nameEnd + 1] === 0x20 && valueEnd === next - 2
}

/** @returns false when the answer cannot be understood in one way */
function keep(found: Found, { role }: AnswerField, value: string): boolean {
  switch (role) {
    case 'length':
      if (found.length !== undefined || !/^[0-9]{1,15}$/.test(value)) return false
      found.length = Number(value)
      return true
    case 'coding':
      if (found.chunked || value.toLowerCase() !== 'chunked') return false
      found.chunked = true
      return true
    case 'connection':
      found.connection = found.connection === undefined ? value : `${found.connection},${value}`
      return true
    case 'keep-alive':
      found.keepAlive = value
      return true
    case 'upgrade':
      found.upgrade = value
      return true
    default:
      found.hasDate = true
      return true
  }
}

const keepAlive: readonly string[] = ['keep-alive']

/** @see RFC 9110 section 5.6.1.2: parts of a list may be empty, and name nothing */
function listOf(connection: string): readonly string[] {
  if (connection === 'keep-alive') return keepAlive
  const options = connection.split(',').map(option => option.trim().toLowerCase())
  return options.filter(option => option !== '')
}

function listsMore(listed: readonly string[]): boolean {
  return listed.some(name => name !== 'keep-alive' && name !== 'close' && name !== 'upgrade')
}

/** Takes away the lines of the fields that Connection lists. */
function without(fields: string, listed: readonly string[]): string {
  const lines = fields.split('\r\n')
  return lines.filter(line => !listed.includes(line.slice(0, line.indexOf(':')).toLowerCase())).join('\r\n')
}

function secondsOf(keepAlive: string): number | undefined {
  const seconds = /(?:^|[,\s])timeout=([0-9]{1,6})/i.exec(keepAlive)?.[1]
  return seconds === undefined ? undefined : Number(seconds)
}

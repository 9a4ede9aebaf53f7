import { targetCharacter, tokenCharacter } from './fields/characters.ts'
import { fieldName } from './fields/field-name.ts'
import { type FieldPlace, placeField } from './fields/read-fields.ts'
import { type ReadBefore, recall } from './read-before.ts'
import {
  addField,
  checkLine,
  type FieldRules,
  type Fields,
  fault,
  type HeadFault,
  maxHeaderBytes,
  noFields,
  type RequestHead,
  readMeaning,
} from './read-request.ts'

/** A head that is refused. Method and target are there once the request line could be read. */
export interface RefusedHead {
  readonly refused: HeadFault
  readonly method: string | undefined
  readonly target: string | undefined
}

const notHttp = fault('Send HTTP/1.1 as RFC 9112 has it.')
const tooLarge = (most: number): HeadFault => fault(`The header fields are larger than ${most} bytes together.`, 431)
const badName = fault('A header name has characters that header names cannot have.')
const badValue = fault('A header value has control bytes, or its line does not end in CR and LF.')

const space = 0x20
const place: FieldPlace = { nameEnd: 0, valueStart: 0, valueEnd: 0, next: 0 }

const refuse = (refused: HeadFault, method?: string, target?: string): RefusedHead => ({ refused, method, target })

/**
 * Reads the head of a request in the one way there is, or not at all: exactly CR and LF at the end of lines, one space
 * between the parts of the request line, no empty line before it, no folding, no space before a colon, no control
 * bytes. Nothing is repaired.
 * @param bytes from the first byte of the head on
 * @param text the same, one character per byte
 * @param end where the empty line's CR LF CR LF begins
 * @see RFC 9112 sections 2 to 5
 */
export function readHead(bytes: Buffer, text: string, end: number): RequestHead | RefusedHead {
  const broken = placeLine(bytes, text)
  const { method, target, version } = line
  if (broken) return broken
  const wrong = checkLine(method, target, version)
  if (wrong) return refuse(wrong, method, target)
  const fields = readFields(bytes, text, line.next, end + 2)
  if ('status' in fields) return refuse(fields, method, target)
  const head = readMeaning(method, target, version as RequestHead['version'], fields)
  return 'status' in head ? refuse(head, method, target) : head
}

/** The request line that was read last, and where the fields begin. */
export const line = { method: '', target: '', version: '', next: 0 }

/** Reads the line of a request. @returns undefined when `line` holds its parts */
export function placeLine(bytes: Buffer, text: string): RefusedHead | undefined {
  let at = 0
  while (tokenCharacter[bytes[at] as number] === 1) at++
  if (at === 0 || bytes[at] !== space) return refuse(notHttp)
  const method = text.slice(0, at)
  const start = at + 1
  at = start
  while (targetCharacter[bytes[at] as number] === 1) at++
  if (bytes[at] !== space) return refuse(notHttp)
  // A string of its own: it outlives the head, and goes into the audit line.
  const target = bytes.toString('latin1', start, at)
  const version = readVersion(text, at + 1)
  if (version === undefined) return refuse(notHttp, method, target)
  line.method = method
  line.target = target
  line.version = version
  line.next = at + 11
  return undefined
}

/** Where version and fields begin: from here on heads that differ in their target alone are the same. */
export function afterTarget({ method, target }: RequestHead): number {
  return method.length + 1 + target.length
}

/**
 * Reads a head whose method and fields are those of the one before it, byte for byte.
 * @returns undefined when they are not: then it has to be read
 */
export function readRepeated(
  bytes: Buffer,
  length: number,
  before: ReadBefore<RequestHead>,
): { readonly head: RequestHead; readonly next: number } | undefined {
  const method = before.value?.method
  if (method === undefined) return undefined
  let at = 0
  while (at < method.length && bytes[at] === method.charCodeAt(at)) at++
  if (at < method.length || bytes[at] !== space) return undefined
  const start = at + 1
  at = start
  while (targetCharacter[bytes[at] as number] === 1) at++
  const last = recall(before, bytes, at, length)
  if (!last) return undefined
  const target = bytes.toString('latin1', start, at)
  if (checkLine(method, target, last.version)) return undefined
  return { head: { ...last, target }, next: at + (before.bytes as Buffer).length }
}

/** @returns its two digits, or undefined when there is no version and line end here */
function readVersion(text: string, at: number): string | undefined {
  if (text.startsWith('HTTP/1.1\r\n', at)) return '1.1'
  return /^HTTP\/(\d\.\d)\r\n/.exec(text.slice(at, at + 10))?.[1]
}

/** Reads the fields from `from` to `end`, which is behind the last one's line end. */
export function readFields(
  bytes: Uint8Array,
  text: string,
  from: number,
  end: number,
  rules?: FieldRules,
): Fields | HeadFault {
  const fields = noFields()
  let at = from
  while (at < end) {
    const wrong = placeField(bytes, at, place)
    if (wrong) return wrong === 'name' ? badName : badValue
    const name = fieldName(text.slice(at, place.nameEnd))
    const repeated = addField(fields, name, text.slice(place.valueStart, place.valueEnd), rules)
    if (repeated) return repeated
    at = place.next
  }
  return fields
}

/**
 * Looks at a head whose end has not come yet: what no later byte can make good is refused at once.
 * @param from where to begin: what stands before was looked at already
 * @param most bytes of a head
 */
export function checkBeginning(text: string, from: number, most = maxHeaderBytes): HeadFault | undefined {
  if (tokenCharacter[text.charCodeAt(0)] !== 1) return notHttp
  if (text.length >= most) return tooLarge(most)
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code >= 0x20 || code === 0x09) continue
    const follows = text.charCodeAt(at + 1)
    if (code === 0x0d && (follows === 0x0a || at + 1 === text.length)) continue
    if (code !== 0x0a || text.charCodeAt(at - 1) !== 0x0d) return notHttp
  }
  return undefined
}

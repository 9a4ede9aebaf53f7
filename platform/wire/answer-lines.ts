import { STATUS_CODES } from 'node:http'
import type { Clock } from '../clock.ts'

const statusLines: string[] = []

/** The text of the standard, whatever the app says. */
export function statusLine(status: number): string {
  statusLines[status] ??= `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`
  return statusLines[status]
}

let dateSecond = 0
let dateText = ''

/** RFC 9110 section 6.6.1. */
export function dateLine(clock: Clock): string {
  const second = Math.floor(clock.wallMs() / 1_000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = `Date: ${new Date(second * 1_000).toUTCString()}\r\n`
  }
  return dateText
}

export function connectionLine(closes: boolean): string {
  return closes ? 'Connection: close\r\n\r\n' : 'Connection: keep-alive\r\n\r\n'
}

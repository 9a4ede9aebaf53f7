import { connect } from 'node:http2'
import { alice } from '../policy-rows.ts'
import { sendRaw } from '../raw-socket.ts'

/** What issue and docs promise a good caller while others attack: an answer within this. */
const answerMs = 10_000

/** What came of calls that a good caller made, one after the other, while something went on. */
export interface Calls {
  readonly statuses: Readonly<Record<string, number>>
  readonly slowestMs: number
  readonly middleMs: number
}

/** Calls over and over until it is told to stop. A call without an answer counts as what became of it, or as `late`. */
export async function callMeanwhile(port: number, during: Promise<unknown>, protocol = call1): Promise<Calls> {
  const statuses: Record<string, number> = {}
  const times: number[] = []
  let over = false
  const end = (): void => {
    over = true
  }
  during.then(end, end)
  const token = alice.token()
  while (!over || times.length < 3) {
    const begun = performance.now()
    const status = await within(protocol(port, token))
    statuses[status] = (statuses[status] ?? 0) + 1
    times.push(performance.now() - begun)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  await during
  times.sort((a, b) => a - b)
  return { statuses, slowestMs: times.at(-1) ?? 0, middleMs: times[times.length >> 1] ?? 0 }
}

async function within(call: Promise<number>): Promise<number | string> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>(resolve => {
    timer = setTimeout(resolve, answerMs, 'late')
  })
  const status = await Promise.race([call.catch(String), late])
  clearTimeout(timer)
  return status
}

/** One call over a new connection of HTTP/1.1. */
export async function call1(port: number, token: string): Promise<number> {
  return (await sendRaw(port, `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`)).status
}

/** The same with a token that the guard has not seen, of an address of which no attack comes. */
export async function callFresh(port: number): Promise<number> {
  return await call1(port, alice.token())
}

/** One call over a new connection of HTTP/2. */
export function call2(port: number, token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`)
    session.on('error', reject)
    const stream = session.request({ ':path': '/api/x', ':authority': 'orders', authorization: `Bearer ${token}` })
    stream.on('error', reject)
    stream.on('response', headers => resolve(Number(headers[':status'])))
    stream.on('close', () => {
      reject(new Error('no answer'))
      session.destroy()
    })
    stream.resume()
    stream.end()
  })
}

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface CollectedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  readonly kind: number
  readonly statusCode: number
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly resource: Readonly<Record<string, string | number | boolean>>
}

/** An OTLP endpoint over HTTP that keeps what is posted to it. */
export interface Collector {
  readonly url: string
  readonly spans: CollectedSpan[]
  /** Bodies as they came, to look for what must not be in them. */
  readonly bodies: Buffer[]
  close(): Promise<void>
}

/** @param answer status of every answer */
export async function startCollector(answer: number | 'never' = 200): Promise<Collector> {
  const spans: CollectedSpan[] = []
  const bodies: Buffer[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      bodies.push(body)
      if (answer === 200) spans.push(...readSpans(body))
      if (answer !== 'never') response.writeHead(answer, { 'content-type': 'application/x-protobuf' }).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    spans,
    bodies,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

type Fields = Map<number, (bigint | Buffer)[]>

/** One message of the protobuf wire format: field number -> values. */
function readMessage(bytes: Buffer): Fields {
  const fields: Fields = new Map()
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const take = (length: number): Buffer => {
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const wire = tag & 7
    const value = wire === 0 ? varint() : take(wire === 1 ? 8 : wire === 5 ? 4 : Number(varint()))
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value])
  }
  return fields
}

const messages = (fields: Fields, number: number): Fields[] =>
  (fields.get(number) ?? []).map(value => readMessage(value as Buffer))
const text = (fields: Fields, number: number): string => String(fields.get(number)?.[0] ?? '')
const hex = (fields: Fields, number: number): string =>
  ((fields.get(number)?.[0] as Buffer | undefined) ?? Buffer.alloc(0)).toString('hex')

function attributesOf(fields: Fields, number: number): CollectedSpan['attributes'] {
  return Object.fromEntries(
    messages(fields, number).map(pair => {
      const value = messages(pair, 2)[0] ?? new Map()
      const read = value.has(1)
        ? text(value, 1)
        : value.has(2)
          ? value.get(2)?.[0] === 1n
          : Number(value.get(3)?.[0] ?? 0n)
      return [text(pair, 1), read]
    }),
  )
}

/** @see https://github.com/open-telemetry/opentelemetry-proto, trace.proto */
function readSpans(body: Buffer): CollectedSpan[] {
  return messages(readMessage(body), 1).flatMap(group => {
    const resource = attributesOf(messages(group, 1)[0] ?? new Map(), 1)
    return messages(group, 2).flatMap(scope =>
      messages(scope, 2).map(span => ({
        traceId: hex(span, 1),
        spanId: hex(span, 2),
        parentSpanId: hex(span, 4),
        name: text(span, 5),
        kind: Number(span.get(6)?.[0] ?? 0n),
        statusCode: Number(messages(span, 15)[0]?.get(3)?.[0] ?? 0n),
        attributes: attributesOf(span, 9),
        resource,
      })),
    )
  })
}

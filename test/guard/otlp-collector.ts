import { createServer, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { listen } from './rig.ts'

/** One log record as a collector understands it. */
export interface CollectedLog {
  readonly body: unknown
  readonly eventName: unknown
  readonly severityText: unknown
  readonly timeUnixNano: unknown
  readonly attributes: Readonly<Record<string, unknown>>
  readonly resource: Readonly<Record<string, unknown>>
}

export interface Collector {
  readonly url: string
  /** Paths that were posted to, with the headers. */
  readonly requests: {
    readonly path: string | undefined
    readonly headers: IncomingHttpHeaders
    readonly text: string
  }[]
  /** Status to answer with. */
  answer: number
  logs(): CollectedLog[]
  close(): Promise<void>
}

/** Takes OTLP over HTTP in its JSON form and decodes it: https://opentelemetry.io/docs/specs/otlp/. */
export async function startCollector(): Promise<Collector> {
  const requests: Collector['requests'] = []
  const server = createServer(async (request, response) => {
    const body =
      request.headers['content-encoding'] === 'gzip'
        ? gunzipSync(Buffer.concat(await request.toArray())).toString()
        : await text(request)
    requests.push({ path: request.url, headers: request.headers, text: body })
    response.writeHead(collector.answer, { 'content-type': 'application/json' }).end('{}')
  })
  const { port, close } = await listen(server)
  const collector: Collector = {
    url: `http://127.0.0.1:${port}`,
    requests,
    answer: 200,
    logs: () => requests.flatMap(request => logsOf(JSON.parse(request.text))),
    close,
  }
  return collector
}

type Attributes = readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[]

interface ExportLogs {
  readonly resourceLogs: readonly {
    readonly resource: { readonly attributes: Attributes }
    readonly scopeLogs: readonly {
      readonly logRecords: readonly {
        readonly body: Readonly<Record<string, unknown>>
        readonly eventName: unknown
        readonly severityText: unknown
        readonly timeUnixNano: unknown
        readonly attributes: Attributes
      }[]
    }[]
  }[]
}

function logsOf({ resourceLogs }: ExportLogs): CollectedLog[] {
  return resourceLogs.flatMap(({ resource, scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map(({ body, eventName, severityText, timeUnixNano, attributes }) => ({
        body: Object.values(body)[0],
        eventName,
        severityText,
        timeUnixNano,
        attributes: read(attributes),
        resource: read(resource.attributes),
      })),
    ),
  )
}

function read(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}

import {
  type Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { afterEach, beforeEach } from 'vitest'
import { alice } from './policy-rows.ts'
import { type Rig, startGuard } from './rig.ts'

const serialize = (text: string): Buffer => Buffer.from(text)
const deserialize = (bytes: Buffer): string => bytes.toString()
const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  path,
  requestStream,
  responseStream,
  requestSerialize: serialize,
  requestDeserialize: deserialize,
  responseSerialize: serialize,
  responseDeserialize: deserialize,
})
/** Only what is below /api is granted: the first segment is the name of the service. */
const service = {
  echo: method('/api/Echo', false, false),
  collect: method('/api/Collect', true, false),
  count: method('/api/Count', false, true),
  chat: method('/api/Chat', true, true),
  never: method('/api/Never', false, false),
  fail: method('/api/Fail', false, false),
  forbidden: method('/other/Call', false, false),
}

export interface App {
  readonly port: number
  readonly metadata: Metadata[]
  readonly cancelled: string[]
}
async function startApp(cleanups: (() => unknown)[]): Promise<App> {
  const metadata: Metadata[] = []
  const cancelled: string[] = []
  const server = new Server()
  const trailer = new Metadata()
  trailer.set('x-trailer', 'from the app')
  server.addService(
    service as never,
    {
      echo(call: ServerUnaryCall<string, string>, done: sendUnaryData<string>) {
        metadata.push(call.metadata)
        const initial = new Metadata()
        initial.set('x-initial', 'from the app')
        call.sendMetadata(initial)
        done(null, call.request, trailer)
      },
      collect(call: ServerReadableStream<string, string>, done: sendUnaryData<string>) {
        const all: string[] = []
        call.on('data', text => all.push(text))
        call.on('end', () => done(null, all.join()))
        call.on('cancelled', () => cancelled.push('collect'))
      },
      count(call: ServerWritableStream<string, string>) {
        const last = Number(call.request)
        for (let at = 1; at <= last; at++) call.write(String(at))
        if (last > 0) call.end(trailer)
        else call.write('begun')
        call.on('cancelled', () => cancelled.push('count'))
      },
      chat(call: ServerDuplexStream<string, string>) {
        call.on('data', text => call.write(`you said ${text}`))
        call.on('end', () => call.end())
        call.on('cancelled', () => cancelled.push('chat'))
      },
      never(call: ServerUnaryCall<string, string>) {
        metadata.push(call.metadata)
        call.on('cancelled', () => cancelled.push('never'))
      },
      fail(_call: ServerUnaryCall<string, string>, done: sendUnaryData<string>) {
        done({ code: status.FAILED_PRECONDITION, details: 'not today: 50% off, "ümlaut"', metadata: trailer })
      },
      forbidden(_call: ServerUnaryCall<string, string>, done: sendUnaryData<string>) {
        done(null, 'reached')
      },
    } as never,
  )
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  cleanups.push(() => server.forceShutdown())
  return { port, metadata, cancelled }
}

type Unary = (
  text: string,
  metadata: Metadata,
  options: object,
  done: (error: ServiceError | null, answer?: string) => void,
) => { cancel(): void; on(event: string, listener: (value: Metadata & { metadata: Metadata }) => void): unknown }
type Caller = Client &
  Record<'echo' | 'never' | 'fail' | 'forbidden', Unary> & {
    collect(
      metadata: Metadata,
      done: (error: ServiceError | null, answer?: string) => void,
    ): { write(text: string): void; end(): void; cancel(): void }
    count(text: string, metadata: Metadata): ClientReadableStream<string>
    chat(metadata: Metadata): ClientReadableStream<string> & { write(text: string): void; end(): void }
  }

/** Members are there when a test runs, and not before. */
export interface GrpcRig {
  readonly app: App
  readonly rig: Rig
  readonly caller: Caller
  /** Puts another guard between caller and app, or before a port where no app is. */
  guardAgain(options: Parameters<typeof startGuard>[1], port?: number): Promise<void>
  unary(name: 'echo' | 'never' | 'fail' | 'forbidden', metadata?: Metadata, options?: object): Promise<Outcome>
}

/** Real gRPC through a guard, anew for each test of the file that calls this: @grpc/grpc-js as caller and as app. */
export function grpcForEach(): GrpcRig {
  const cleanups: (() => unknown)[] = []
  let now: { app: App; rig: Rig; caller: Caller } | undefined
  const there = () => {
    if (!now) throw new Error('the guard of this test does not run yet')
    return now
  }
  const guard = async (app: App, options: Parameters<typeof startGuard>[1], port = app.port) => {
    const rig = await startGuard(port, { upstreamProtocol: 'h2c', ...options })
    cleanups.push(() => rig.close())
    const Constructor = makeGenericClientConstructor(service as never, 'api')
    const caller = new Constructor(`127.0.0.1:${rig.port}`, credentials.createInsecure()) as unknown as Caller
    cleanups.push(() => caller.close())
    now = { app, rig, caller }
  }
  beforeEach(async () => guard(await startApp(cleanups), {}))
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })
  return {
    get app() {
      return there().app
    },
    get rig() {
      return there().rig
    },
    get caller() {
      return there().caller
    },
    guardAgain: (options, port) => guard(there().app, options, port),
    unary: (name, metadata = as(), options = {}) => callOnce(there().caller, name, metadata, options),
  }
}

/** Metadata of a call with this token. */
export function as(token: string | undefined = alice.token()): Metadata {
  const metadata = new Metadata()
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
  return metadata
}
interface Outcome {
  readonly code: number
  readonly details: string
  readonly answer: string | undefined
  readonly metadata: Metadata | undefined
}
function callOnce(
  caller: Caller,
  name: 'echo' | 'never' | 'fail' | 'forbidden',
  metadata: Metadata,
  options: object,
): Promise<Outcome> {
  return new Promise(resolve => {
    const call = caller[name]('hello', metadata, options, (error, answer) => {
      if (error) resolve({ code: error.code, details: error.details, answer, metadata: error.metadata })
    })
    let answer: string | undefined
    call.on('status', value => {
      const { code, details } = value as unknown as { code: number; details: string }
      if (code === status.OK) resolve({ code, details, answer, metadata: value.metadata })
    })
  })
}
/** What a stream brought, and how it ended. */
export const all = (
  stream: ClientReadableStream<string>,
): Promise<{ texts: string[]; code: number; details: string }> =>
  new Promise(resolve => {
    const texts: string[] = []
    stream.on('data', (text: string) => texts.push(text))
    stream.on('error', () => {})
    stream.on('status', ({ code, details }) => resolve({ texts, code, details }))
  })

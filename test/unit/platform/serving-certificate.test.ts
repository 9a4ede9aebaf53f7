import { describe, expect, it } from 'vitest'
import { createServingCertificate } from '../../../platform/http/serving-certificate.ts'
import { createTlsSource } from '../../../platform/http/tls-source.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { createLog } from '../../../platform/log.ts'
import { makePair } from '../webhook/make-pair.ts'

const log = createLog({ process: 'test', destination: { write: () => {} } })

/** A clock that moves when told, and a Secret that is what the test says. */
async function setUp(secret: () => KubeObject | undefined) {
  const timers: { ms: number; callback: () => void }[] = []
  let wall = new Date()
  const tls = createTlsSource()
  const certificate = createServingCertificate({
    client: { get: async <T extends KubeObject>() => secret() as T | undefined },
    namespace: 'n',
    name: 'f-webhook-tls',
    tls,
    clock: {
      now: () => 0,
      wallMs: () => wall.getTime(),
      after(ms, callback) {
        timers.push({ ms, callback })
        return () => timers.splice(0)
      },
    },
    log,
  })
  const settled = () => new Promise(resolve => setImmediate(() => setImmediate(resolve)))
  return {
    certificate,
    tls,
    timers,
    setWall: (next: Date) => {
      wall = next
    },
    begin: async () => {
      certificate.start()
      await settled()
    },
    tick: async () => {
      timers.shift()?.callback()
      await settled()
    },
  }
}

let writes = 0
const secretOf = ({ cert, key }: { cert: string; key: string }): KubeObject & { data: Record<string, string> } => ({
  metadata: { name: 'f-webhook-tls', resourceVersion: String(++writes) },
  data: { 'tls.crt': Buffer.from(cert).toString('base64'), 'tls.key': Buffer.from(key).toString('base64') },
})

describe('the serving certificate', () => {
  it('is looked for every second until it is there, then every 30 seconds; until then nobody is served', async () => {
    let secret: KubeObject | undefined
    const { certificate, timers, begin, tick, tls } = await setUp(() => secret)
    await begin()
    expect(certificate.fault()).toBe('no certificate: Secret f-webhook-tls is not there yet')
    expect(timers.map(({ ms }) => ms)).toEqual([1_000])
    secret = secretOf(await makePair())
    await tick()
    expect(certificate.fault()).toBeUndefined()
    expect(timers.map(({ ms }) => ms)).toEqual([30_000])
    expect(tls.pair()).toBeDefined()
  })

  it('is swapped when the Secret changes, and kept when the Secret is gone or does not fit', async () => {
    const [first, second] = [await makePair(), await makePair()]
    let secret: KubeObject | undefined = secretOf(first)
    const { certificate, begin, tick, tls } = await setUp(() => secret)
    await begin()
    secret = undefined
    await tick()
    secret = secretOf({ cert: second.cert, key: first.key })
    await tick()
    expect(tls.pair()?.cert).toBe(first.cert)
    secret = secretOf(second)
    await tick()
    expect(tls.pair()?.cert).toBe(second.cert)
    expect(certificate.fault()).toBeUndefined()
  })

  it('F19 that has expired makes the process not ready', async () => {
    const { certificate, begin, setWall } = await setUp(() => secret)
    const secret = secretOf(await makePair())
    await begin()
    setWall(new Date(Date.now() + 3 * 86_400_000))
    expect(certificate.fault()).toBe('the certificate in Secret f-webhook-tls has expired')
  })

  it('is looked for no more after stop', async () => {
    const { certificate, begin, timers } = await setUp(() => undefined)
    await begin()
    certificate.stop()
    expect(timers).toEqual([])
  })
})

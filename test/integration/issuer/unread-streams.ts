import tls from 'node:tls'
import type { KubeObject } from '../../../platform/kube/client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import type { LimitedIssuer } from './limited-issuer.ts'
import { addPod, tokenOf } from './objects.ts'
import type { World } from './world.ts'

/** Roles of half a megabyte each: the policy of the service is as large as an object may be, times their number. */
export async function addLargeRoles(world: World, namespace: string, service: string, count: number): Promise<void> {
  for (let role = 0; role < count; role++) {
    const paths = Array.from({ length: 60 }, (_, index) => `/${role}-${index}/${'x'.repeat(200)}`)
    const rules = Array.from({ length: 45 }, () => ({ services: [service], methods: ['GET'], paths }))
    const metadata = { namespace, name: `large-${role}` }
    await world.create(resources.roles, { metadata, spec: { rules } } as KubeObject)
  }
}

/** Streams of so many guards that read nothing. @returns what ends them all */
export async function openUnread(
  world: World,
  issuer: LimitedIssuer,
  { count, namespace, service }: { count: number; namespace: string; service: string },
): Promise<{ leave(): void }> {
  const sockets: tls.TLSSocket[] = []
  for (let index = 0; index < count; index++) {
    const pod = await addPod(world, { namespace, name: `unread-${index}`, labels: { app: service } })
    const token = await tokenOf(world, pod)
    const hello = `${JSON.stringify({ hello: { slice: `${namespace}/${service}`, version: 'test' } })}\n`
    const chunk = `${hello.length.toString(16)}\r\n${hello}\r\n`
    const head = `POST /v1/snapshots HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`
    const socket = tls.connect({ host: '127.0.0.1', port: issuer.ports.snapshots, rejectUnauthorized: false })
    socket.on('error', () => {})
    socket.write(head + chunk)
    sockets.push(socket)
  }
  return {
    leave() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

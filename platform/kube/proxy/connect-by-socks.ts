import { connect, isIPv4, type Socket } from 'node:net'

/** The proxy finds the address: what it reaches may have a name that only it knows. */
const [byName, byIpv4] = [3, 1]
const lengthOfAddress: Readonly<Record<number, number>> = { 1: 4, 4: 16 }

/** A connection that a SOCKS 5 proxy makes. @see RFC 1928, RFC 1929 */
export async function connectBySocks(proxy: URL, target: { host: string; port: number }): Promise<Socket> {
  const socket = connect(Number(proxy.port || 1080), proxy.hostname.replace(/^\[|\]$/g, ''))
  const wrong = (why: string): Error => new Error(`its proxy ${proxy.host}: ${why}`)
  const read = reader(socket, wrong)
  try {
    const hasName = proxy.username !== ''
    socket.write(Buffer.from([5, 1, hasName ? 2 : 0]))
    const [version, method] = await read(2)
    if (version !== 5 || method !== (hasName ? 2 : 0)) throw wrong('it is no SOCKS 5 proxy that takes us')
    if (hasName) {
      const parts = [proxy.username, proxy.password].map(part => Buffer.from(decodeURIComponent(part)))
      socket.write(Buffer.concat([Buffer.from([1]), ...parts.flatMap(part => [Buffer.from([part.length]), part])]))
      if ((await read(2))[1] !== 0) throw wrong('it does not take name and password')
    }
    const { host, port } = target
    const address = isIPv4(host)
      ? Buffer.from([byIpv4, ...host.split('.').map(Number)])
      : Buffer.concat([Buffer.from([byName, Buffer.byteLength(host)]), Buffer.from(host)])
    socket.write(Buffer.concat([Buffer.from([5, 1, 0]), address, Buffer.from([port >> 8, port & 0xff])]))
    const [, answer, , kind = 0] = await read(4)
    if (answer !== 0) throw wrong(`it does not reach the server: SOCKS answer ${answer}`)
    await read((lengthOfAddress[kind] ?? (await read(1))[0] ?? 0) + 2)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    socket.removeAllListeners('readable').removeAllListeners('error').removeAllListeners('end')
  }
}

/** Reads so many bytes and leaves what comes behind them. */
function reader(socket: Socket, wrong: (why: string) => Error): (bytes: number) => Promise<Buffer> {
  return bytes =>
    new Promise((done, fail) => {
      const look = (): void => {
        const found = socket.read(bytes) as Buffer | null
        if (found) done(found)
        else socket.once('readable', look)
      }
      socket.on('error', error => fail(wrong(error.message)))
      socket.on('end', () => fail(wrong('it ended the connection')))
      look()
    })
}

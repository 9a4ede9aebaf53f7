import { open } from 'node:fs/promises'
import type { CommandIo } from './frame/command.ts'

/** No token is longer than 8 KiB; what is much longer is another file. */
const maxBytes = 65_536

/** @throws Error with a sentence for people, which quotes nothing that was read */
export async function readToken(file: string, { input }: CommandIo): Promise<string> {
  if (file !== '-') return readStart(file)
  if (input.isTTY) throw new Error('name a file with the token, or send it to standard input')
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of input) {
    const bytes = Buffer.from(piece)
    pieces.push(bytes)
    length += bytes.length
    if (length > maxBytes) throw new Error(`standard input is longer than ${maxBytes} bytes: it is no token`)
  }
  return Buffer.concat(pieces).toString('utf8')
}

async function readStart(file: string): Promise<string> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file} cannot be read: ${error.code ?? error.message}`)
  })
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1)
    if (bytesRead > maxBytes) throw new Error(`${file} is longer than ${maxBytes} bytes: it is no token`)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** The token alone, also where a whole header was copied. */
export function bareToken(text: string): string {
  return text.trim().replace(/^(?:authorization: *)?bearer +/i, '')
}

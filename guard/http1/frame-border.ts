/** Follows the frames of a WebSocket as their bytes pass. */
export interface FrameBorder {
  pass(bytes: Buffer): void
  /** Whether all that passed were whole frames: a frame of another may follow. */
  isAt(): boolean
}

/** Longest head of a frame: two bytes, eight of a length, four of a mask. RFC 6455 section 5.2. */
const mostHead = 14

export function createFrameBorder(): FrameBorder {
  const head = Buffer.alloc(mostHead)
  /** Bytes of a head that has begun, and of a payload that are still to come. */
  let had = 0
  let left = 0

  return {
    isAt: () => had === 0 && left === 0,
    pass(bytes) {
      let at = 0
      while (at < bytes.length) {
        const skipped = Math.min(left, bytes.length - at)
        left -= skipped
        at += skipped
        if (at === bytes.length) return
        head[had++] = bytes[at++] as number
        if (had < headLength(head, had)) continue
        left = payloadLength(head)
        had = 0
      }
    },
  }
}

/** As far as the bytes that came tell. */
function headLength(head: Buffer, had: number): number {
  if (had < 2) return 2
  const second = head[1] as number
  const form = second & 0x7f
  return 2 + (form === 127 ? 8 : form === 126 ? 2 : 0) + (second & 0x80 ? 4 : 0)
}

/** Beyond 2^53 it is not exact, and never comes to its end. */
function payloadLength(head: Buffer): number {
  const form = (head[1] as number) & 0x7f
  if (form < 126) return form
  return form === 126 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2))
}

const policyViolation = 1008
const final = 0x80
const closeCode = 0x8

/** A close frame of a server, which masks nothing. @param reason at most 123 characters of ASCII */
export function closeFrame(reason: string): Buffer {
  const text = Buffer.from(reason, 'latin1').subarray(0, 123)
  const frame = Buffer.from([final | closeCode, 2 + text.length, 0, 0, ...text])
  frame.writeUInt16BE(policyViolation, 2)
  return frame
}

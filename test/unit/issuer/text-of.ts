import type { FrameText } from '../../../issuer/snapshots/frame-text.ts'

/** A frame as one line. */
export function textOf(frame: FrameText): string {
  let text = ''
  for (let index = 0; ; index++) {
    const chunk = frame.chunk(index)
    if (!chunk) return text
    text += chunk
  }
}

import { nameSome } from '../base/name-some.ts'

const said = 'The app listens beyond loopback in '
const namedAtMost = 5

/** The half sentence about pods whose app listens beyond loopback; a semicolon and what follows from it come next. */
export function exposedText(exposed: readonly string[]): string {
  return said + nameSome(exposed, namedAtMost)
}

/** The pods that such a half sentence names in a message of whatever condition. */
export function exposedTold(messages: Iterable<string>): string | undefined {
  for (const message of messages) {
    const at = message.indexOf(said)
    // Earlier releases ended the sentence there.
    const pods = at === -1 ? undefined : message.slice(at + said.length).split(/; |\. /, 1)[0]
    if (pods) return pods
  }
  return undefined
}

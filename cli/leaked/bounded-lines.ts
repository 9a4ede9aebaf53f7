/** Longer than any audit line: a path, a few names, and times. */
const longestLine = 65_536

/** The lines of a log, in little memory whatever it holds; undefined stands for each that is too long. */
export async function* boundedLines(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<string | undefined> {
  const decoder = new TextDecoder('utf-8')
  let rest = ''
  let isLong = false
  for await (const chunk of chunks) {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      yield isLong || line.length > longestLine ? undefined : line
      isLong = false
    }
    if (rest.length > longestLine) {
      rest = ''
      isLong = true
    }
  }
  if (isLong) yield undefined
  else if (rest !== '') yield rest
}

/** What Stryker's JSON reporter writes. */
export interface MutationReport {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>
}

interface Mutant {
  readonly replacement?: string
  readonly status: string
  readonly location: { readonly start: Place; readonly end: Place }
}

/** Both count from 1. */
interface Place {
  readonly line: number
  readonly column: number
}

/** A change that no test can notice, since the file does the same with it. */
export interface Equivalent {
  readonly file: string
  /** The code as it stands, line breaks and the space around them as one space. */
  readonly from: string
  /** What Stryker puts in its place. */
  readonly to: readonly string[]
  /** What its line holds too, where the code alone stands in several. */
  readonly on?: string
  readonly why: string
}

/** Of each file, per hundred changes that are told, this many have to be. */
const least = 95

/** A line for each file, and for each change that nobody noticed and that is not listed as equivalent. */
export function mutationSummary(
  report: MutationReport,
  listed: readonly Equivalent[],
): { readonly text: string; readonly isGood: boolean } {
  const lines: string[] = []
  let isGood = true
  for (const [file, { source, mutants }] of Object.entries(report.files)) {
    const sourceLines = source.split('\n')
    const codeOf = ({ location: { start, end } }: Mutant) =>
      sourceLines
        .slice(start.line - 1, end.line)
        .map((line, at, all) =>
          line.slice(at === 0 ? start.column - 1 : 0, at === all.length - 1 ? end.column - 1 : undefined),
        )
        .map(line => line.trim())
        .join(' ')
    const isListed = (mutant: Mutant) =>
      listed.some(
        one =>
          one.file === file &&
          one.from === codeOf(mutant) &&
          one.to.includes(mutant.replacement ?? '') &&
          (sourceLines[mutant.location.start.line - 1] ?? '').includes(one.on ?? ''),
      )
    const tried = mutants.filter(({ status }) => ['Killed', 'Timeout', 'Survived', 'NoCoverage'].includes(status))
    const missed = tried.filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
    const open = missed.filter(mutant => !isListed(mutant))
    const told = tried.length - missed.length
    const score = told + open.length === 0 ? 100 : (100 * told) / (told + open.length)
    if (score < least) isGood = false
    lines.push(
      `${score.toFixed(1).padStart(5)} %  ${file}: ${told} told, ${open.length} not, ${missed.length - open.length} equivalent`,
    )
    for (const mutant of open)
      lines.push(`         line ${mutant.location.start.line}: ${codeOf(mutant)}  ->  ${mutant.replacement}`)
  }
  return { text: `\n${lines.join('\n')}\n`, isGood }
}

/** Guards of one release. */
export interface GuardsOfVersion {
  readonly version: string
  readonly count: number
}

const namedAtMost = 4

/** How many guards are of each release, the newest first; always the same for the same guards. */
export function countVersions(found: readonly string[]): readonly GuardsOfVersion[] {
  const counts = new Map<string, number>()
  for (const version of found) counts.set(version, (counts.get(version) ?? 0) + 1)
  return [...counts]
    .map(([version, count]) => ({ version, count }))
    .sort((a, b) => b.version.localeCompare(a.version, 'en', { numeric: true }))
}

/** For a column: `0.2.0, 0.1.0 (2)` where all but two are of the newest; undefined while no guard says. A few at most. */
export function versionsText(versions: readonly GuardsOfVersion[]): string | undefined {
  if (versions.length === 0) return undefined
  const named = versions
    .slice(0, namedAtMost)
    .map(({ version, count }, at) => (at === 0 ? version : `${version} (${count})`))
  return named.join(', ') + (versions.length > namedAtMost ? ', …' : '')
}

/**
 * Why this Redis might forget what it was told, as a sentence with the setting to change; undefined when it will not.
 * @param info the answer to INFO
 * @param save the setting `save`; undefined when the user may not read it
 */
export function settingsFault(info: string, save: string | undefined): string | undefined {
  const told = new Map(info.split(/\r?\n/).map(line => split(line)))
  const policy = told.get('maxmemory_policy')
  if (policy !== 'noeviction') {
    return `Redis may evict what it was told: set maxmemory-policy to noeviction (it is ${policy ?? 'not told'})`
  }
  if (told.get('aof_enabled') !== '1' && save === undefined) {
    return 'Redis may forget everything when it restarts: set appendonly to yes (or, for snapshots alone, let the user ask CONFIG GET save)'
  }
  if (told.get('aof_enabled') !== '1' && save === '') {
    return 'Redis forgets everything when it restarts: set appendonly to yes (it is no, and save is empty)'
  }
  if (told.get('role') !== 'master') return 'the URL leads to a replica of Redis: name the primary'
  if (told.get('cluster_enabled') === '1') {
    return 'Redis Cluster cannot be used: name a Redis with cluster-enabled no'
  }
  return undefined
}

function split(line: string): readonly [string, string] {
  const at = line.indexOf(':')
  return [line.slice(0, at), line.slice(at + 1)]
}

import { describe, expect, it } from 'vitest'
import { commandTable } from '../../../cli/commands.ts'
import { commandLine } from './command-line.ts'

const { commands } = commandTable
/** The table, with commands that do nothing: whether they would be run is the question. */
const table = {
  ...commandTable,
  commands: commands.map(each => ({ ...each, load: async () => async () => 'ok' as const })),
}
const why = ['why', '--client', 'a/b', 'GET', '/x']
const inspect = ['token', 'inspect', '-']
const propose = ['propose', '--service', 'a/b', '--audit', '-']
const run = (args: readonly string[], env = {}) =>
  commandLine(args, { table, env: { LATCHKEY_SNAPSHOT_FILE: '/no/such', ...env } })

/** What is written, the option that would be passed over, and the hint. */
const passedOver: readonly (readonly [string, readonly string[], string])[] = [
  ['manifests', [...why, '--manifests', 'm', '--snapshot', 's'], "'--snapshot' say the same thing twice: leave one"],
  ['json', [...why, '--json', '-o', 'yaml'], "'--json' and '--output' say the same thing twice"],
  ['installation', [...why, '--installation', 'blue'], "says nothing without '--manifests': add that, or leave it out"],
  ['installation', [...why, '--snapshot', 's', '--installation', 'blue'], "'--installation' says nothing"],
  ['manifests', [...inspect, '--manifests', 'm', '--snapshot', 's', '--service', 'a/b'], 'twice'],
  ['service', [...inspect, '--service', 'a/b'], "'--service' says nothing without '--manifests' or '--snapshot'"],
  ['installation', [...inspect, '--installation', 'blue'], "'--installation' says nothing without '--manifests'"],
  ['issuer', [...inspect, '--issuer', 'https://x'], "'--issuer' says nothing without '--manifests'"],
  ['issuer', [...inspect, '--snapshot', 's', '--service', 'a/b', '--issuer', 'https://x'], "'--issuer' says nothing"],
  ['manifests', [...propose, '--manifests', 'm', '--snapshot', 's'], 'twice'],
  ['installation', [...propose, '--installation', 'blue'], "'--installation' says nothing without '--manifests'"],
  ['logs', ['leaked', 'k', '--audit', 'a', '--logs', 'skip'], "'--logs' and '--audit' say the same thing twice"],
  ['service', ['token', 'mint', '--service', 'a/b', '--audience', 'x'], "'--audience' say the same thing twice"],
  ['service', ['token', 'exchange', '--service', 'a/b', '--audience', 'x'], "'--audience' say the same thing twice"],
  ['kubeconfig', ['version', '--kubeconfig', 'k'], "'--kubeconfig' says nothing without '--cluster'"],
  ['context', ['version', '--context', 'staging'], "'--context' says nothing without '--cluster'"],
]

describe('an option that nothing would read', () => {
  it.each(passedOver)('%s in %j is an error with a hint', async (_, args, hint) => {
    const { code, text, complaint } = await run(args)
    expect([code, text]).toEqual([2, ''])
    expect(complaint).toContain(hint)
    expect(complaint).toMatch(/\nSee: latchkey help [a-z ]+\n/)
  })

  it('is looked for in every pair that the table names, all of which exist', () => {
    for (const { name, options } of commands) {
      for (const [option, { excludes = [], needs = [] }] of Object.entries(options)) {
        for (const other of [...excludes, ...needs]) expect(Object.keys(options), `${name}: ${option}`).toContain(other)
        const tried = passedOver.some(([tried, args]) => tried === option && args.join(' ').startsWith(name))
        expect(tried, `${name}: ${option}`).toBe(excludes.length + needs.length > 0)
      }
    }
  })

  it.each<[string, readonly string[], Record<string, string>]>([
    ['a folder of manifests in the container of a guard', [...why, '--manifests', 'm'], { LATCHKEY_SERVICE: 'a/b' }],
    ['a service that only the container names', inspect, { LATCHKEY_SERVICE: 'a/b' }],
    ['an installation of manifests', [...inspect, '--manifests', 'm', '--installation', 'blue'], {}],
    ['a context of a cluster that is asked', ['version', '--cluster', '--context', 'staging'], {}],
    [
      'a service of the snapshot that is there',
      [...inspect, '--service', 'a/b'],
      { LATCHKEY_SNAPSHOT_FILE: '/dev/null' },
    ],
  ])('is none of these: %s', async (_, args, env) => {
    expect(await run(args, env)).toEqual({ code: 0, text: '', complaint: '' })
  })

  it('is told in help', async () => {
    const { text } = await commandLine(['help', 'version'])
    expect(text).toMatch(
      /--context <name> +context of the kubeconfig \(default: its current one\);\s+only with\s+--cluster/,
    )
  })
})

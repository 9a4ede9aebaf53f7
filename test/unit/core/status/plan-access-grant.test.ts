import { describe, expect, it } from 'vitest'
import type { AccessGrant, GrantedClient } from '../../../../core/api/access-grant.ts'
import type { ApiClient } from '../../../../core/api/api-client.ts'
import { resolveClients } from '../../../../core/registry/resolve-clients.ts'
import { planAccessGrant } from '../../../../core/status/plan-access-grant.ts'
import { bornSeconds, client, grant, issuerUrl } from '../registry/objects.ts'

const chosen = client('partners', 'web', { clientId: 'partners.web' })
const derived = client('partners', 'web')

function clientsIn(uid: string, clients: ApiClient[]) {
  const namespaces = new Map([['partners', { metadata: { name: 'partners', uid } }]])
  return resolveClients({ clients, namespaces, installation: 'default', issuerUrl, clientIds: new Map() })
}

/** The pins and the state after one pass; `before` are the pins of the pass before, of the same generation. */
function plan(before: GrantedClient[] | undefined, clients: ReturnType<typeof clientsIn>, more: object = {}) {
  const made = grant('shop', 'g', {
    roleRef: { name: 'reader' },
    clients: [{ namespace: 'partners', name: 'web' }],
    ...more,
  })
  const object: AccessGrant = { ...made, status: before ? { observedGeneration: 1, clients: before } : {} }
  return planAccessGrant({ object, clients, ...whole }, bornSeconds).status
}
const whole = { roleExists: true, enforced: { state: 'no-guards' } } as const
const pin = (more: Partial<GrantedClient> = {}): GrantedClient => ({
  namespace: 'partners',
  name: 'web',
  clientId: 'partners.web',
  namespaceUid: 'uid-1',
  state: 'Granted',
  ...more,
})
const reasons = (status: ReturnType<typeof plan>) => status.conditions?.slice(0, 2).map(({ reason }) => reason)

describe('a pin', () => {
  it('S11 keeps a stranger out whose namespace has the name, and whose client has the chosen id, of one before', () => {
    const first = plan(undefined, clientsIn('uid-1', [chosen]))
    expect(first.clients).toEqual([pin()])
    const gone = plan(first.clients, clientsIn('uid-1', []))
    expect(gone.clients).toEqual([pin({ state: 'NotFound' })])
    for (const before of [first.clients, gone.clients]) {
      const stranger = plan(before, clientsIn('uid-2', [chosen]))
      expect(stranger.clients).toEqual([pin({ state: 'Replaced' })])
      expect(stranger.state).toBe('Refused')
      expect(reasons(stranger)).toEqual(['ClientReplaced', 'ClientReplaced'])
    }
  })

  it('holds for one identity of a client: another one has nothing until the grant is written again', () => {
    const withIdentity = (identity: number) => clientsIn('uid-1', [client('partners', 'web', { identity })])
    const first = plan(undefined, clientsIn('uid-1', [derived]))
    const next = plan(first.clients, withIdentity(2))
    expect(next.clients).toEqual([{ ...first.clients?.[0], state: 'Replaced' }])
    expect([next.state, ...(reasons(next) ?? [])]).toEqual(['Refused', 'ClientReplaced', 'ClientReplaced'])
    expect(next.conditions?.[0]?.message).toContain('or the clients have another identity: partners/web')
    // However often it is looked at; and one that rises again has nothing either.
    for (const identity of [2, 3]) expect(plan(next.clients, withIdentity(identity)).clients).toEqual(next.clients)
    const again = plan(undefined, withIdentity(2))
    expect([again.state, again.clients?.[0]?.state]).toEqual(['Active', 'Granted'])
    expect(again.clients?.[0]?.clientId).not.toBe(first.clients?.[0]?.clientId)
  })

  it('holds for a client that is pruned and applied again in its namespace', () => {
    const again = { ...chosen, metadata: { ...chosen.metadata, uid: 'another' } }
    const status = plan([pin({ state: 'NotFound' })], clientsIn('uid-1', [again]))
    expect([status.clients, status.state]).toEqual([[pin()], 'Active'])
  })

  it.each<[string, Partial<GrantedClient>, ApiClient, Partial<GrantedClient>]>([
    ['is completed while its client is there', {}, chosen, { namespaceUid: 'uid-1' }],
    ['of a chosen id is worth nothing once its client was away', { state: 'NotFound' }, chosen, { state: 'Replaced' }],
    [
      'of a derived id is completed whenever the client comes: the id holds the uid',
      { state: 'NotFound', clientId: [...clientsIn('uid-1', [derived]).values()][0]?.clientId },
      derived,
      { state: 'Granted', namespaceUid: 'uid-1' },
    ],
  ])('of a release before %s', (_what, legacy, one, after) => {
    const { namespaceUid: _, ...before } = pin(legacy)
    expect(plan([before], clientsIn('uid-1', [one])).clients).toEqual([{ ...before, ...after }])
  })
})

describe('the state of a grant', () => {
  it.each([
    ['Active', [chosen], {}],
    ['Pending', [], {}],
    ['Expired', [], { expiresAt: '2020-01-01T00:00:00Z' }],
  ])('is %s', (state, clients, more) => {
    expect(plan(undefined, clientsIn('uid-1', clients), more).state).toBe(state)
  })

  it('S12 of one whose client, or its namespace, does not exist is Pending, and Ready says which is missing', () => {
    const status = plan(undefined, new Map())
    expect(reasons(status)).toEqual(['ClientNotFound', 'ClientNotFound'])
    expect(status.conditions?.[1]).toMatchObject({
      type: 'Ready',
      status: 'False',
      message: 'These clients do not exist yet: partners/web. They get the role when they appear.',
    })
  })
})

describe('a grant of a role that names services that do not exist', () => {
  const object = grant('shop', 'g', { roleRef: { name: 'reader' }, clients: [{ namespace: 'partners', name: 'web' }] })
  const about = (clients: ApiClient[], opensSomething: boolean) =>
    planAccessGrant(
      { object, clients: clientsIn('uid-1', clients), ...whole, missingServices: ['basket'], opensSomething },
      bornSeconds,
    ).status
  const said = (status: ReturnType<typeof about>) => [status.state, reasons(status), status.conditions?.[1]?.message]

  it('says so, and does not read as active when it opens nothing', () => {
    const message =
      'The role reader names services that do not exist in this namespace: basket. The grant opens nothing. Create the GuardedService, or correct the name in the role.'
    expect(said(about([chosen], false))).toEqual(['Refused', ['RoleRefused', 'RoleRefused'], message])
    expect(said(about([], false))).toEqual(['Refused', ['RoleRefused', 'RoleRefused'], message])
  })

  it('says so, and is active for the services that do', () => {
    const [state, names, message] = said(about([chosen], true))
    expect([state, names]).toEqual(['Active', ['RoleRefused', 'RoleRefused']])
    expect(message).toContain('Its rules for other services count.')
  })
})

describe('a name that means another client', () => {
  const stranger = () => plan([pin()], clientsIn('uid-2', [chosen]))

  it('is told with what helps, and that to apply the same again does not', () => {
    const [accepted] = stranger().conditions ?? []
    expect(accepted?.message).toContain('delete the grant and create it again, or change its spec')
    expect(accepted?.message).toContain('to apply the same YAML changes nothing')
  })

  it('S11 is taken for what it means now once the spec changed, and not when only the same was applied', () => {
    const object = grant('shop', 'g', {
      roleRef: { name: 'reader' },
      clients: [{ namespace: 'partners', name: 'web' }],
    })
    const next = (generation: number) => ({
      ...object,
      metadata: { ...object.metadata, generation },
      status: { observedGeneration: 1, clients: [pin()] },
    })
    const clients = clientsIn('uid-2', [chosen])
    const state = (generation: number) =>
      planAccessGrant({ object: next(generation), clients, ...whole }, bornSeconds).status.state
    expect([state(1), state(2)]).toEqual(['Refused', 'Active'])
  })
})

describe('a grant that is paused', () => {
  const annotations = { 'latchkey.dev/paused': 'true' }
  const made = grant('shop', 'g', { roleRef: { name: 'reader' }, clients: [{ namespace: 'partners', name: 'web' }] })
  const paused = (status: AccessGrant['status'], clients: ReturnType<typeof clientsIn>, generation = 1) => {
    const metadata = { ...made.metadata, generation, annotations }
    return planAccessGrant({ object: { ...made, metadata, ...(status && { status }) }, clients, ...whole }, bornSeconds)
      .status
  }
  const ready = (status: ReturnType<typeof paused>) => {
    const found = status.conditions?.find(({ type }) => type === 'Ready')
    return `${found?.status} ${found?.reason}`
  }
  const there = clientsIn('uid-1', [chosen])

  it('gives nothing to clients that it has not pinned, and is pinned once the pause ends', () => {
    const held = paused(undefined, there)
    expect([held.clients, held.state, held.observedGeneration, ready(held)]).toEqual([
      [],
      'Pending',
      undefined,
      'False Paused',
    ])
    expect(
      planAccessGrant({ object: { ...made, status: held }, clients: there, ...whole }, bornSeconds).status,
    ).toMatchObject({ clients: [pin()], state: 'Active', observedGeneration: 1 })
  })

  it('keeps what it gave, and says that it is paused', () => {
    const status = paused({ observedGeneration: 1, clients: [pin()] }, there)
    expect([status.clients, status.state, ready(status)]).toEqual([[pin()], 'Active', 'True Paused'])
  })

  it('takes it from a client that is gone, and does not give it back before the pause ends', () => {
    const gone = paused({ observedGeneration: 1, clients: [pin()] }, clientsIn('uid-1', []))
    expect([gone.clients, ready(gone)]).toEqual([[pin({ state: 'NotFound' })], 'False ClientNotFound'])
    const back = paused(gone, there)
    expect([back.clients, ready(back)]).toEqual([[pin({ state: 'NotFound' })], 'False ClientNotFound'])
    const object = { ...made, status: back }
    expect(planAccessGrant({ object, clients: there, ...whole }, bornSeconds).status.clients).toEqual([pin()])
  })

  it('S11 gives a name that means another client nothing, though the grant was written again', () => {
    const rewritten = paused({ observedGeneration: 1, clients: [pin()] }, clientsIn('uid-2', [chosen]), 2)
    expect(rewritten.clients).toEqual([pin({ state: 'Replaced' })])
    expect(rewritten.observedGeneration).toBe(1)
    const after = { ...made, metadata: { ...made.metadata, generation: 2 }, status: rewritten }
    const { status } = planAccessGrant({ object: after, clients: clientsIn('uid-2', [chosen]), ...whole }, bornSeconds)
    expect(status.clients).toEqual([pin({ namespaceUid: 'uid-2' })])
  })

  it('takes it from clients that its spec names no more', () => {
    const two = [pin(), pin({ name: 'other' })]
    expect(paused({ observedGeneration: 1, clients: two }, there).clients).toEqual([pin()])
  })
})

describe('the end of a grant', () => {
  const day = 86_400
  const timeAt = (seconds: number) => new Date((bornSeconds + seconds) * 1_000).toISOString()
  const people = clientsIn('uid-1', [chosen])

  /** All that is told of it, looked at whenever the pass before asked for it. */
  function life(expiresAt: string, more: Partial<Parameters<typeof planAccessGrant>[0]> = {}) {
    const object = { ...grant('shop', 'g', { roleRef: { name: 'reader' }, clients: chosenOnes, expiresAt }) }
    const told: string[] = []
    const notes: string[] = []
    for (let now: number | undefined = bornSeconds; now !== undefined; ) {
      const { status, events, nextAt } = planAccessGrant({ object, clients: people, ...whole, ...more }, now)
      const again = planAccessGrant({ object: { ...object, status }, clients: people, ...whole, ...more }, now)
      expect([again.status, again.events]).toEqual([status, []])
      object.status = status
      const reason = status.conditions?.find(({ type }) => type === 'Expiring')?.reason
      told.push(`${(now - bornSeconds) / day} ${reason ?? status.state}`)
      for (const { type, reason: eventReason, note } of events) notes.push(`${type} ${eventReason} ${note}`)
      now = nextAt
    }
    return { told, notes }
  }
  const chosenOnes = [{ namespace: 'partners', name: 'web' }]

  it('is told of 30, 14, 7 and 1 day before, each once by a Warning event', () => {
    const { told, notes } = life(timeAt(90 * day))
    expect(told).toEqual([
      '0 Active',
      '60 Within30Days',
      '76 Within14Days',
      '83 Within7Days',
      '89 Within1Day',
      '90 Expired',
    ])
    expect(notes).toHaveLength(4)
    for (const note of notes) expect(note).toMatch(/^Warning Expiring The grant ends within .* spec\.expiresAt/)
  })

  it('is told of at once where it is within a horizon from its first moment on', () => {
    expect(life(timeAt(5 * 3_600)).told[0]).toBe('0 Within1Day')
    expect(life(timeAt(5 * 3_600)).notes).toHaveLength(1)
    expect(life(timeAt(10 * day)).told).toEqual(['0 Within14Days', '3 Within7Days', '9 Within1Day', '10 Expired'])
  })

  it('is nobody’s worry of a grant that gives nothing', () => {
    expect(life(timeAt(5 * 3_600), { roleExists: false }).notes).toEqual([])
  })
})

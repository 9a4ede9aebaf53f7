import { Document } from 'yaml'
import { noSuchMethod } from '../../core/base/methods.ts'
import { type Reason, reasons } from '../../core/base/reasons.ts'
import { durationText, timeOf } from '../../core/base/time.ts'
import type { Explanation, WhyQuestion } from '../../core/explain/explain.ts'
import type { Nearest } from '../../core/explain/nearest-rule.ts'
import { explanationOf } from '../../core/explain/problems.ts'
import type { Change } from '../../core/explain/suggest-change.ts'
import { columns, printable } from '../frame/output.ts'

/** Where a client id holds: in the cluster, or only at a guard that has the manifests alone. */
export type IdOf = 'cluster' | 'standalone'

/** The explanation for people: what happens, why, and as YAML what would allow the call. */
export function renderWhy(
  explanation: Explanation,
  question: WhyQuestion,
  { revision, idOf }: { readonly revision: string; readonly idOf: IdOf },
): string {
  const rows: (readonly [string, string])[] = [
    ['Call', `${question.method} ${question.target}`],
    ['Service', `${explanation.service}, policy ${revision}${age(question.ageSeconds)}`],
    ['Client', clientLine(explanation, question, idOf)],
    ...(explanation.credential === 'assumed'
      ? [['Credential', 'taken to be good: keys are minted in a cluster'] as const]
      : listed(
          'Credential',
          explanation.credentials.map(each => credentialLine(each, explanation.credential)),
        )),
    ...listed('Grant', explanation.grants.map(grantLine)),
    ['Route', routeLine(explanation)],
    ...(explanation.nearest ? [['Nearest', nearestLine(explanation.nearest)] as const] : []),
    ...missingLine(explanation),
  ]
  const table = columns(rows.map(([name, text]) => [name, printable(text)]))
  return `${headline(explanation)}\n\n${table}${next(explanation)}`
}

function headline({ outcome, decision }: Explanation): string {
  const { status } = reasons[decision.reason]
  if (decision.allow)
    return `ALLOWED ${decision.reason}${decision.rule ? ` by ${decision.rule}, grant ${decision.grant}` : ''}`
  if (outcome === 'audit') return `LET THROUGH by audit mode; Enforce would deny: ${status} ${decision.reason}`
  return `DENIED ${status} ${decision.reason}`
}

function clientLine({ client }: Explanation, question: WhyQuestion, idOf: IdOf): string {
  if (!client)
    return `${question.client} is unknown, or granted nothing here: no grant at this service names it, so its guards do not know it`
  const organization = client.organization === undefined ? '' : `, organization ${client.organization}`
  return `${client.name} (${idLine(client, idOf)})${organization}${client.suspended ? ', suspended' : ''}`
}

/** An id that no cluster has would be looked for in vain. */
function idLine({ name, clientId }: NonNullable<Explanation['client']>, idOf: IdOf): string {
  if (idOf === 'cluster') return clientId
  const [namespace] = name.split('/')
  return `${clientId} at a guard without a cluster; for the id in the cluster add its Namespace: kubectl get namespace ${namespace} -o yaml`
}

function credentialLine(
  { key, accessKey, fault, notAfter, roles }: Explanation['credentials'][number],
  asked: string | undefined,
): string {
  const name = accessKey === undefined ? key : `AccessKey ${accessKey}, ${key}`
  const until = notAfter === undefined ? '' : `, until ${timeOf(notAfter)}`
  const narrowed = roles === undefined ? '' : `, narrowed to the roles ${roles.join(', ') || '(none)'}`
  return `${name}: ${fault ?? 'good'}${until}${narrowed}${key === asked ? '  <- asked about' : ''}`
}

function grantLine({ name, role, ended, expiresAt, attributes, limit }: Explanation['grants'][number]): string {
  const until = expiresAt === undefined ? '' : `, ${ended ? 'ended' : 'until'} ${timeOf(expiresAt)}`
  const often = limit
    ? `, up to ${limit.requests} calls in ${durationText(limit.perSeconds)} at each guard, which this does not count`
    : ''
  return `${name} gives role ${role}${often}${until}${attributes ? `, ${JSON.stringify(attributes)}` : ''}`
}

const noRoute: Partial<Record<Reason, string>> = {
  route_unknown: 'none matches',
  path_ambiguous: 'none matches exactly; one would without case or a trailing slash',
}

function routeLine({ endpoint, policy }: Explanation): string {
  if (!endpoint) {
    const detail = policy.allow ? undefined : policy.detail
    return detail ?? noRoute[policy.reason] ?? 'the service declares none'
  }
  const { route, template, permission } = endpoint
  if (route === undefined) return `public path ${template}`
  return `${route} ${template}${permission === undefined ? '' : `, needs the permission ${permission}`}`
}

function nearestLine({ role, rule, text, gap, unmet, grants }: Nearest): string {
  const place = `role ${role}, rule ${rule}, ${text}`
  switch (gap) {
    case 'NoGrant':
      return `${place}: it would allow, and the client has no grant of this role`
    case 'GrantEnded':
      return `${place}: it would allow, and the grant ${grants.join(', ')} has ended`
    case 'Condition':
      return `${place}: ${unmet.join('; ')}`
    case 'Method':
      return `${place}: for other methods`
    case 'Action':
      return `${place}: another action`
    case 'Template':
      return `${place}: only the beginning fits`
  }
}

function missingLine({ policy }: Explanation): [string, string][] {
  if (policy.reason === 'policy_unsupported' && policy.detail !== undefined) return [['Missing', policy.detail]]
  return !policy.allow && policy.missing !== undefined ? [['Missing', policy.missing]] : []
}

/** What to do: the change as YAML that can be applied, else whose turn it is. */
function next(explanation: Explanation): string {
  const { decision, policy, change } = explanation
  if (decision.allow) return ''
  if (policy.allow && decision.reason === 'not_granted') {
    return `\nThe policy would allow it by ${policy.rule}; the key is narrowed to other roles. Add the role to spec.roles of its\nAccessKey, or ask about another key.\n`
  }
  if (change && decision.reason === policy.reason) return changeText(change, 'This would allow it')
  if (!policy.allow && policy.detail === noSuchMethod && decision.reason === policy.reason) {
    return `\nNo grant and no route can change that: take the method from the API, or let such calls reach the app in another way.\n`
  }
  const { caller, owner } = explanationOf(decision.reason)
  const turns = `\nCaller: ${withoutLinks(caller)}\nOwner: ${withoutLinks(owner)}\n`
  return turns + (change ? changeText(change, 'Once the caller is proved, this would allow it') : '')
}

function withoutLinks(markdown: string): string {
  return markdown.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
}

function changeText({ verb, objects }: Change, what: string): string {
  const { name, namespace } = objects[0]?.metadata ?? {}
  const patch = `kubectl patch accessgrants.latchkey.dev ${name} -n ${namespace} --type=merge --patch-file=FILE`
  const yaml = objects.map(object => new Document(object).toString({ lineWidth: 0 })).join('---\n')
  return `\n# ${what}: ${verb === 'apply' ? 'kubectl apply -f FILE' : patch}\n${yaml}`
}

function listed(name: string, lines: readonly string[]): [string, string][] {
  return lines.length === 0 ? [[name, 'none']] : lines.map((line, at) => [at === 0 ? name : '', line])
}

function age(seconds: number | undefined): string {
  return seconds === undefined ? '' : `, confirmed ${Math.max(0, Math.round(seconds))} s ago`
}

import { guardLabel } from '../api/labels.ts'
import { nameSome } from '../base/name-some.ts'

/** Why a pod is not counted among those whose guard holds the policy, as far as it can be seen from outside. */
export type Lack = 'Unlabelled' | 'OtherService' | 'NotInjected' | 'NotConnected' | 'SliceTooLarge' | 'Behind'

/** What is wrong with the making of a pod: its guard, if it has one, is none of this service's. */
export type MadeWrong = Exclude<Lack, 'NotConnected' | 'SliceTooLarge' | 'Behind'>

/** Pods of one lack: how many, and the names of the first ones. */
export interface Lacking {
  readonly lack: Lack
  readonly count: number
  readonly pods: readonly string[]
}

const namedAtMost = 3
const lacks: readonly Lack[] = ['Unlabelled', 'OtherService', 'NotInjected', 'NotConnected', 'SliceTooLarge', 'Behind']

/** Always the same for the same pods, however they come: a status is written only when something changed. */
export function groupLacking(found: readonly { readonly lack: Lack; readonly name: string }[]): readonly Lacking[] {
  return lacks.flatMap(lack => {
    const names = found.flatMap(one => (one.lack === lack ? [one.name] : [])).sort()
    return names.length === 0 ? [] : [{ lack, count: names.length, pods: names.slice(0, namedAtMost) }]
  })
}

/** For a column: `2 NotConnected, 1 Behind`; undefined where nothing lacks. */
export function countedLacks(lacking: readonly Lacking[]): string | undefined {
  return lacking.length === 0 ? undefined : lacking.map(({ lack, count }) => `${count} ${lack}`).join(', ')
}

/** A sentence for each lack: which pods, and what to do. Each begins with a space. */
export function lackingText(lacking: readonly Lacking[], service: { namespace: string; name: string }): string {
  return lacking.map(one => ` ${sentences[one.lack](named(one), service)}`).join('')
}

const sentences: Readonly<Record<Lack, (pods: string, service: { namespace: string; name: string }) => string>> = {
  Unlabelled: (pods, { name }) =>
    `Without the label: ${pods}; put ${guardLabel}: ${name} into the pod template of their workload and roll out.`,
  OtherService: (pods, { name }) =>
    `With the label of another GuardedService: ${pods}; make it ${guardLabel}: ${name} and roll out.`,
  NotInjected: pods => `With the label, but made without the guard: ${pods}; roll out again.`,
  NotConnected: (pods, { namespace }) =>
    `Made right, but the guard is not connected: ${pods}; if it stays so, kubectl logs POD -n ${namespace} -c latchkey-guard says why.`,
  SliceTooLarge: pods => `With a guard whose memory is too little for the policy: ${pods}.`,
  Behind: pods => `With a guard that holds an earlier revision: ${pods}.`,
}

function named({ count, pods }: Lacking): string {
  return nameSome(pods, namedAtMost, count)
}

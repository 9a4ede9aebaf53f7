import { createHash } from 'node:crypto'
import type { AccessKey } from '../api/access-key.ts'
import type { ApiClient } from '../api/api-client.ts'
import { durationSeconds, secondsOfTime } from '../base/time.ts'
import { retiringSeconds } from './key-ledger.ts'
import { nextOpen } from './windows.ts'

const hour = 3_600
const longestEvery = 720 * hour
const longestOverlap = 24 * hour
/** Keys that were made together are not changed together. */
const jitter = 0.05
/** A requested rotation, or one that is due, is looked at from so long before on: a clock may go back. */
export const clockGraceSeconds = hour

/** How long one key is used, and how long beside the next. */
export interface RotationTerms {
  /** Undefined: on request only. */
  readonly everySeconds?: number
  readonly overlapSeconds: number
}

/**
 * What spec and defaults make of a key's rotation; undefined when it never rotates.
 * @param byDefault whether a key without `spec.rotation` takes the default of its client's type
 */
export function rotationTerms(
  { publicKey, rotation, validity }: AccessKey['spec'],
  type: ApiClient['spec']['type'],
  byDefault: boolean,
): RotationTerms | undefined {
  if (publicKey || (!rotation && !byDefault)) return undefined
  const valid = seconds(validity)
  const regular = (type ?? 'Workload') === 'Workload' ? Math.min(longestEvery, Math.floor((valid * 2) / 3)) : undefined
  const every = rotation?.every === undefined ? regular : seconds(rotation.every)
  const left = every === undefined ? valid : Math.min(every, valid - every)
  const overlapSeconds =
    rotation?.overlap === undefined ? Math.min(longestOverlap, Math.floor(left / 2)) : seconds(rotation.overlap)
  return { ...(every !== undefined && { everySeconds: every }), overlapSeconds }
}

function seconds(duration: string | undefined): number {
  return (duration === undefined ? undefined : durationSeconds(duration)) ?? Number.POSITIVE_INFINITY
}

/** When the next key takes the place of the one in use. Times in seconds since epoch. */
export interface Renewal {
  readonly at: number
  /** From then on the next key is minted and published. */
  readonly stageAt: number
  readonly requested: boolean
  /** A requested one that is still to come. */
  readonly awaited?: number
}

/** @param key the one in use: its number is when it was minted */
export function renewalOf(
  { spec, metadata }: AccessKey,
  terms: RotationTerms | undefined,
  key: { readonly number: number; readonly notAfter?: number | undefined },
  about: { readonly publishAheadSeconds: number; readonly now: number },
): Renewal | undefined {
  if (!terms) return undefined
  const { now, publishAheadSeconds } = about
  // A key that was minted then or later is what was asked for; keys are numbered in whole seconds.
  const asked = Math.ceil(secondsOfTime(spec.rotation?.requestedAt ?? ''))
  const requestedAt = asked > key.number ? asked : undefined
  if (requestedAt !== undefined && requestedAt <= now) {
    return { at: requestedAt, stageAt: requestedAt, requested: true }
  }
  const ahead = stagingSeconds(publishAheadSeconds)
  const at = scheduled(spec, terms, { ...key, uid: metadata.uid ?? '' }, { now, ahead })
  const stageAt = at - ahead
  if (requestedAt === undefined) return Number.isFinite(at) ? { at, stageAt, requested: false } : undefined
  if (requestedAt < stageAt) return { at: requestedAt, stageAt: requestedAt, requested: true, awaited: requestedAt }
  return { at, stageAt, requested: false, awaited: requestedAt }
}

/** How long before it is due the next key is minted: a tenth more than the wait, for a window may be short. */
function stagingSeconds(publishAheadSeconds: number): number {
  return Math.ceil(publishAheadSeconds * 1.1)
}

/** From minting to when the next key is due, at most: keys that were made together are spread. */
export function longestUse(everySeconds: number, publishAheadSeconds: number): number {
  return Math.ceil(everySeconds * (1 + jitter)) + stagingSeconds(publishAheadSeconds)
}

/** When time alone replaces the key; infinite when it does not. */
function scheduled(
  spec: AccessKey['spec'],
  { everySeconds, overlapSeconds }: RotationTerms,
  key: { readonly number: number; readonly notAfter?: number | undefined; readonly uid: string },
  { now, ahead }: { readonly now: number; readonly ahead: number },
): number {
  if (everySeconds === undefined || !Number.isFinite(everySeconds)) return Number.POSITIVE_INFINITY
  const end = spec.validity === undefined ? Number.POSITIVE_INFINITY : (key.notAfter ?? Number.POSITIVE_INFINITY)
  // Where every key ends with the object, none is worth making at the end.
  const whole = spec.expiresAt === undefined ? Number.POSITIVE_INFINITY : secondsOfTime(spec.expiresAt)
  const lastChance = end - Math.max(overlapSeconds, retiringSeconds)
  // From minting to minting: what a key waits before it is used, the next one waits too.
  const used = everySeconds * (1 + jitter * spreadOf(key.uid, key.number))
  const due = Math.min(Math.floor(key.number + used) + ahead, Math.max(lastChance, key.number + 1))
  const windows = spec.rotation?.windows
  if (!windows) return due < whole ? due : Number.POSITIVE_INFINITY
  const first = nextOpen(windows, due)
  // One that has closed was missed.
  const open = first && first.closes <= now ? nextOpen(windows, now) : first
  // A window is no reason to let a key end before the next one is there.
  const at = Math.min(Math.max(open?.opens ?? due, due), Math.max(due, lastChance))
  return at < whole ? at : Number.POSITIVE_INFINITY
}

/** Always the same for one key: from -1 to 1. */
function spreadOf(uid: string, number: number): number {
  const digest = createHash('sha256').update(`${uid}/${number}`).digest()
  return (digest.readUInt32BE(0) / 2 ** 32) * 2 - 1
}

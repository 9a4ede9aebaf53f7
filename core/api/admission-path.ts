/**
 * The path at which the API server asks the webhook ends in a random part, which only the webhook configurations tell:
 * whoever does not know it is not listened to. The operator makes it; operator and webhook agree here on how it is written.
 */

/** The entry of the webhook's Secret, beside its certificate, that holds the random part. */
export const admissionPathFile = 'path'

/** On a webhook configuration: its maker leaves the path to the operator. Without it the path is not touched. */
export const admissionPathAnnotation = 'latchkey.dev/admission-path'
export const admissionPathRandom = 'Random'

/** What the webhook is asked for, and the first segment of its path. */
export type AdmissionQuestion = 'validate' | 'mutate'

/** Segments of such a path have to be lower case for the API server. */
const randomPart = /^[0-9a-f]{32}$/

/** @returns the text when it can be the random part */
export function admissionRandomPart(text: string | undefined): string | undefined {
  return text !== undefined && randomPart.test(text) ? text : undefined
}

export function admissionPath(question: AdmissionQuestion, part: string): string {
  return `/${question}/${part}`
}

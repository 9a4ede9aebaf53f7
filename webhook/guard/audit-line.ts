import type { AuditEntry } from '../../core/audit/audit-entry.ts'

/** What JSON writes otherwise than it stands: quotes, backslashes, controls, and halves of surrogate pairs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control bytes are what it looks for
const special = /["\\\x00-\x1f\ud800-\udfff]/

/** The line of an entry, byte for byte what JSON.stringify makes of it, at a third of the cost. */
export function auditLine(entry: AuditEntry): string {
  let line = ''
  for (const name in entry) {
    const value = entry[name as keyof AuditEntry]
    if (value === undefined) continue
    line += `${line === '' ? '{' : ','}"${name}":${typeof value === 'string' ? quoted(value) : String(value)}`
  }
  return `${line}}\n`
}

function quoted(text: string): string {
  return special.test(text) ? JSON.stringify(text) : `"${text}"`
}

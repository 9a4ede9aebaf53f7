import { z } from 'zod'
import { mostValueBytes, recordTypes } from '../base/record-types.ts'
import type { KindShape } from './kind.ts'
import { described, timestamp } from './schema.ts'

const spec = described(
  z.strictObject({
    type: described(z.enum(recordTypes), 'What it is a record of.'),
    tenant: described(
      z
        .string()
        .max(36)
        .regex(/^(installation|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/),
      'Whose it is: the uid of a GuardedService, or `installation`.',
    ),
    endsAt: described(timestamp(), 'When it ends. It is removed a minute later or some time after.'),
    value: described(z.string().max(mostValueBytes), 'What is remembered, as JSON. Secrets are hashes.').optional(),
  }),
  'What the token server remembers.',
)

/** The kind that only the issuer reads and writes: no person does, so it has no status and stands in no category. */
export const tokenRecord: KindShape = {
  kind: 'TokenRecord',
  plural: 'tokenrecords',
  singular: 'tokenrecord',
  description:
    'A TokenRecord is kept by the issuer in the namespace of the release: an id that was used, a code, a grant, a revocation. Its name is a hash.',
  spec,
  columns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'What it is a record of.' },
    { name: 'Tenant', type: 'string', jsonPath: '.spec.tenant', description: 'Whose it is.' },
    { name: 'Ends', type: 'string', jsonPath: '.spec.endsAt', description: 'When it ends.' },
  ],
  selectable: ['.spec.type', '.spec.tenant'],
}

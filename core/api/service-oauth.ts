import { z } from 'zod'
import { described, duration, isDuration } from './schema.ts'

/** What a service says of the tokens that are given for it. */
export const serviceOauth = described(
  z.strictObject({
    accessTokenLifetime: described(duration(), 'How long an access token for the service is good.').default('5m'),
  }),
  'Access tokens for the service, from the token endpoint.',
  {
    'x-kubernetes-validations': [
      {
        rule: `!${isDuration('accessTokenLifetime')} || duration(self.accessTokenLifetime) >= duration('1m') && duration(self.accessTokenLifetime) <= duration('1h')`,
        message: 'accessTokenLifetime must be between 1m and 1h',
        fieldPath: '.accessTokenLifetime',
      },
    ],
  },
)

import { constants } from 'node:http2'
import { expect, it } from 'vitest'
import * as codes from '../../../guard/http2/codes.ts'

it('our error codes of HTTP/2 are those of Node', () => {
  expect(constants).toMatchObject(codes)
})

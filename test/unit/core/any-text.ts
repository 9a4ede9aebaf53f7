import fc from 'fast-check'

/** Text of any UTF-16 units, lone surrogates too. fast-check's own takes seconds to set up. */
export const anyText = (maxLength: number) =>
  fc
    .array(fc.oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0xffff })), { maxLength })
    .map(units => String.fromCharCode(...units))

/** Error codes of HTTP/2, by nghttp2's names. node:http2 has them too, but is loaded only when a caller speaks it. */
export const NGHTTP2_NO_ERROR = 0x0
export const NGHTTP2_PROTOCOL_ERROR = 0x1
export const NGHTTP2_INTERNAL_ERROR = 0x2
export const NGHTTP2_REFUSED_STREAM = 0x7
export const NGHTTP2_CANCEL = 0x8
export const NGHTTP2_ENHANCE_YOUR_CALM = 0xb
/** Of a HEADERS frame: nothing follows. */
export const NGHTTP2_FLAG_END_STREAM = 0x1

/**
 * Modules of Node that cost a process megabytes, loaded by whoever needs one first: a guard that speaks plain HTTP/1.1
 * has none of them.
 */
export const http2 = () => process.getBuiltinModule('node:http2')
export const https = () => process.getBuiltinModule('node:https')
export const tls = () => process.getBuiltinModule('node:tls')

import type { Answer } from '../../enforce/respond.ts'

/** Whether this is the type of gRPC's messages: whoever sends them looks for the outcome in `grpc-status` alone. */
export function isGrpcType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc($|[+;])/i.test(contentType)
}

/** gRPC's status codes for our answers; any other is UNKNOWN (2). */
const statusCodes: Readonly<Record<number, number>> = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  403: 7, // PERMISSION_DENIED
  413: 8, // RESOURCE_EXHAUSTED
  414: 8,
  417: 3,
  429: 8,
  431: 8,
  502: 14, // UNAVAILABLE
  503: 14,
  504: 4, // DEADLINE_EXCEEDED
}

/** Fields of ours that a gRPC caller gets beside the status. */
const kept = new Set([
  ...['latchkey-decision', 'www-authenticate', 'x-request-id', 'cache-control'],
  ...['retry-after', 'ratelimit-policy', 'ratelimit'],
])

/**
 * The same answer for a caller that speaks gRPC: trailers only, the reason as the message.
 * @see gRPC over HTTP2, "Responses": Trailers-Only
 */
export function grpcAnswer(answer: Answer): string[] {
  const out = [':status', '200', 'content-type', 'application/grpc', ...grpcStatus(answer.status, reasonOf(answer))]
  for (let at = 0; at + 1 < answer.headers.length; at += 2) {
    const name = (answer.headers[at] as string).toLowerCase()
    if (kept.has(name)) out.push(name, answer.headers[at + 1] as string)
  }
  return out
}

/** @param reason of a closed list: it needs no percent-encoding */
export function grpcStatus(status: number, reason: string): string[] {
  return ['grpc-status', String(statusCodes[status] ?? 2), 'grpc-message', reason]
}

function reasonOf({ body }: Answer): string {
  return (JSON.parse(body) as { code: string }).code
}

import type { Message } from './message.ts'

// For drivers whose messages say in their properties where the answer goes (`replyTo`) and what it answers (`correlationId`).

/** A copy of the request that asks for its answer to go to `replyTo`, under `correlation`. */
export function asking(request: Message, replyTo: string, correlation: string): Message {
  return request.with({ properties: { ...request.properties, replyTo, correlationId: correlation } })
}

/** A copy of an answer that carries the correlation of its request, and is no request itself. */
export function answering(reply: Message, correlation: string | undefined): Message {
  const { replyTo: _, correlationId: __, ...properties } = reply.properties
  return reply.with({
    properties: correlation === undefined ? properties : { ...properties, correlationId: correlation },
  })
}

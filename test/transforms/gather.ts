import type { Frame, Gather, GatherFactory } from '../../src/core/gather.ts'
import type { Message } from '../../src/core/message.ts'

export const FRAME: Frame = {
  route: 'orders',
  key: null,
  id: 'orders/1',
  closing: 'time',
  start: 0,
  end: 5_000,
  pane: 0,
}

export const gathering = (factory: GatherFactory, options: unknown): Gather => factory.gather(options)

/** One message out of these, as if they all had been gathered together. */
export function merged(
  factory: GatherFactory,
  options: unknown,
  messages: readonly Message[],
  frame: Partial<Frame> = {},
): Message {
  const gather = gathering(factory, options)
  const members = messages.map(message => ({ message, value: gather.take(message).value }))
  return gather.merge(members, { ...FRAME, ...frame })
}

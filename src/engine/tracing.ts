import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { Headers } from '../core/headers.ts'
import type { Message } from '../core/message.ts'
import type { Transform, TransformResult } from '../core/ports.ts'
import type { Item } from './item.ts'

/** What traces need from outside; absent where nothing is traced, which then costs nothing. */
export interface Tracing {
  readonly tracer: Tracer
  /** Reads and writes W3C `traceparent` and `tracestate`. */
  readonly propagator: TextMapPropagator
}

/** An end of a route as spans name it. */
export interface TracedEnd {
  /** Name of the driver: `messaging.system`. */
  readonly system: string
  /** Queue, topic or subject where it is fixed: `messaging.destination.name`. */
  readonly destination: string | undefined
}

interface Hop {
  readonly span: Span
  readonly context: Context
  readonly sends: Span[]
}

const READ: TextMapGetter<Headers> = {
  keys: headers => headers.entries.map(([name]) => name),
  get: (headers, name) => headers.text(name),
}
const WRITE: TextMapSetter<{ headers: Headers }> = {
  set(carrier, name, value) {
    carrier.headers = carrier.headers.with(name, value)
  },
}

/**
 * The spans of one route. Each hop of a message is a `process` span below the trace the message brought, with a `transform`
 * and a `send` span in it; what is published carries the context of its `send`. Holds nothing of a message that has left.
 */
export class RouteTracing {
  readonly #tracing: Tracing
  readonly #route: string
  readonly #source: TracedEnd
  readonly #target: TracedEnd
  readonly #hops = new WeakMap<Item, Hop>()

  constructor(tracing: Tracing, route: string, source: TracedEnd, target: TracedEnd) {
    this.#tracing = tracing
    this.#route = route
    this.#source = source
    this.#target = target
  }

  received(items: readonly Item[]): void {
    for (const item of items) this.#receive(item)
  }

  #receive(item: Item): void {
    const { message } = item
    const { propagator, tracer } = this.#tracing
    let parent: Context = ROOT_CONTEXT
    try {
      parent = propagator.extract(ROOT_CONTEXT, message.headers, READ)
    } catch {
      // Headers that cannot be read are the line's business.
    }
    const attributes = {
      ...this.#attributes(this.#source, 'process', message.source.address),
      'messaging.message.id': message.id,
      'messaging.message.body.size': message.size,
      'sluice.source.position': message.source.position,
      'sluice.source.attempt': message.source.attempt,
    }
    const name = `process ${message.source.address}`
    const span = tracer.startSpan(name, { kind: SpanKind.CONSUMER, attributes }, parent)
    this.#hops.set(item, { span, context: trace.setSpan(parent, span), sends: [] })
  }

  /** The transform with a span around it. */
  transforms(transform: Transform): (message: Message, item: Item) => ReturnType<Transform> {
    return (message, item) => {
      const hop = this.#hops.get(item)
      if (hop?.span.isRecording() !== true) return transform(message)
      const span = this.#tracing.tracer.startSpan(`transform ${this.#route}`, { kind: SpanKind.INTERNAL }, hop.context)
      try {
        const answer = transform(message)
        if (!isPromise(answer)) span.end()
        else answer.then(() => span.end()).catch(error => fail(span, error))
        return answer
      } catch (error) {
        fail(span, error)
        throw error
      }
    }
  }

  /** The message as it is published: with the context of a span that ends when the target has confirmed all of the item. */
  send(message: Message, item: Item): Message {
    const hop = this.#hops.get(item)
    if (hop === undefined) return message
    const attributes = {
      ...this.#attributes(this.#target, 'send', this.#target.destination),
      'messaging.message.id': message.id,
      'messaging.message.body.size': message.size,
    }
    const name =
      this.#target.destination === undefined ? `send ${this.#target.system}` : `send ${this.#target.destination}`
    const span = this.#tracing.tracer.startSpan(name, { kind: SpanKind.PRODUCER, attributes }, hop.context)
    hop.sends.push(span)
    const carrier = { headers: message.headers }
    this.#tracing.propagator.inject(trace.setSpan(hop.context, span), carrier, WRITE)
    return message.with({ headers: carrier.headers })
  }

  retried(item: Item): void {
    const code = item.error?.code ?? 'UNKNOWN'
    this.#hops.get(item)?.span.addEvent('retry', { 'error.type': code, 'sluice.attempts': item.attempts })
  }

  left(item: Item): void {
    const hop = this.#hops.get(item)
    if (hop === undefined) return
    this.#hops.delete(item)
    const error = item.poison ?? (item.outcome === 'dropped' ? item.error : undefined)
    hop.span.setAttribute('sluice.outcome', item.outcome)
    for (const span of [...hop.sends, hop.span]) {
      if (error !== undefined) fail(span, error)
      else span.end()
    }
  }

  #attributes({ system }: TracedEnd, operation: 'process' | 'send', destination: string | undefined) {
    return {
      'messaging.system': system,
      'messaging.operation.name': operation,
      'messaging.operation.type': operation,
      ...(destination !== undefined && { 'messaging.destination.name': destination }),
      'sluice.route': this.#route,
    }
  }
}

// The text of an error may quote a message: its code says enough for a trace.
function fail(span: Span, error: unknown): void {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN'
  span.setAttribute('error.type', code)
  span.setStatus({ code: SpanStatusCode.ERROR, message: code })
  span.end()
}

const isPromise = (answer: ReturnType<Transform>): answer is Promise<TransformResult> =>
  typeof answer === 'object' && 'then' in answer

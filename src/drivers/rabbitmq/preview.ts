import type { Previewer } from '../../core/preview.ts'
import { bytes } from '../../core/schema.ts'
import { Routing } from './routing.ts'
import type { SinkOptions } from './sink-options.ts'

/** What a sink would publish, without a broker. Throws OPTIONS_INVALID. */
export function previewer(options: SinkOptions): Previewer {
  const routing = new Routing(options)
  const own = new Set(Object.keys(options.headers ?? {}))
  return {
    maxBytes: options.maxMessageSize === undefined ? undefined : bytes(options.maxMessageSize),
    of(message) {
      const { exchange, routingKey, headers, properties } = routing.publication(message)
      return { to: { exchange, routingKey }, headers: headers.filter(([name]) => own.has(name)), properties }
    },
  }
}

import type { Previewer } from '../../core/preview.ts'
import { bytes } from '../../core/schema.ts'
import type { SinkOptions } from './sink-options.ts'
import { Targets } from './target.ts'

/** What a sink would write, without a broker. Throws OPTIONS_INVALID. */
export function previewer(options: SinkOptions): Previewer {
  const targets = new Targets(options)
  const own = new Set(Object.keys(options.headers ?? {}))
  return {
    maxBytes: options.maxMessageBytes === undefined ? undefined : bytes(options.maxMessageBytes),
    of(message) {
      const { topic, partition, timestamp, headers } = targets.of(message)
      return { to: { topic, partition, timestamp }, headers: headers.filter(([name]) => own.has(name)) }
    },
  }
}

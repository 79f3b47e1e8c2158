import { compileTemplate } from '../../core/expression.ts'
import type { HeaderEntry } from '../../core/headers.ts'
import { textOf } from '../../core/json-text.ts'
import type { Previewer } from '../../core/preview.ts'
import { bytes } from '../../core/schema.ts'
import type { SinkOptions } from './sink-options.ts'
import { type Home, Targets } from './target.ts'

/** What a sink would write, without a broker. Throws OPTIONS_INVALID. */
export function previewer(options: SinkOptions, home: Home): Previewer {
  const targets = new Targets(options, home)
  const own = Object.entries(options.properties ?? {}).map(
    ([name, value]) => [name, compileTemplate(String(value))] as const,
  )
  return {
    maxBytes: options.maxMessageBytes === undefined ? undefined : bytes(options.maxMessageBytes),
    of(message) {
      const { orderingKey, eventTime, sequenceId } = targets.of(message).outgoing
      const headers = own.map(([name, template]): HeaderEntry => [name, textOf(template.evaluate(message)) ?? null])
      return { to: { orderingKey, eventTime, sequenceId }, headers }
    },
  }
}

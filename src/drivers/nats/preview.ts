import { compileTemplate } from '../../core/expression.ts'
import type { HeaderEntry } from '../../core/headers.ts'
import { textOf } from '../../core/json-text.ts'
import type { Previewer } from '../../core/preview.ts'
import type { SinkOptions } from './sink-options.ts'
import { Targets } from './target.ts'

/** What a sink would publish, without a server. Throws OPTIONS_INVALID. */
export function previewer(options: SinkOptions): Previewer {
  const targets = new Targets(options)
  const own = Object.entries(options.headers ?? {}).map(
    ([name, value]) => [name, compileTemplate(String(value))] as const,
  )
  return {
    of(message) {
      const { subject, reply } = targets.of(message)
      const headers = own.flatMap(([name, template]): HeaderEntry[] => {
        const value = textOf(template.evaluate(message))
        return value === undefined ? [] : [[name, value]]
      })
      return { to: { subject, ...(reply === '' ? {} : { reply }) }, headers }
    },
  }
}

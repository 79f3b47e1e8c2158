import { describe } from '../../core/errors.ts'
import { compileTemplate, templateProblem } from '../../core/expression.ts'
import type { OptionProblem } from '../../core/ports.ts'
import { milliseconds } from '../../core/schema.ts'
import type { SinkOptions } from './sink-options.ts'
import { partitionNumber, time, topicName } from './target.ts'

/** What the schema cannot say: fixed values that no message could go by. Templates themselves are checked elsewhere. */
export function checkSink(options: SinkOptions): readonly OptionProblem[] {
  const problems: OptionProblem[] = []
  const fixed = (name: 'topic' | 'partition' | 'timestamp', read: (value: unknown) => unknown) => {
    const text = String(options[name])
    if (options[name] === undefined || templateProblem(text) !== undefined) return
    const { constant } = compileTemplate(text)
    if (constant === undefined) return
    try {
      read(constant)
    } catch (error) {
      problems.push({ path: [name], message: describe(error) })
    }
  }
  fixed('topic', topicName)
  fixed('partition', partitionNumber)
  fixed('timestamp', time)
  const open = milliseconds(options.transactionTimeout ?? '10s')
  if (open < 1_000 || open > 900_000)
    problems.push({ path: ['transactionTimeout'], message: '`transactionTimeout` must lie between 1s and 15m' })
  return problems
}

import type { OptionProblem } from '../../core/ports.ts'
import type { SourceOptions } from './source-options.ts'

/** What cannot go together with `partitions`. */
export function partitionProblems(options: SourceOptions): OptionProblem[] {
  const { queue, partitions, partitionBy, type } = options
  if (partitions === undefined)
    return partitionBy === undefined
      ? []
      : [{ path: ['partitionBy'], message: '`partitionBy` is for `partitions`', hint: 'Say how many there are.' }]
  const problems: OptionProblem[] = []
  if (queue === undefined)
    problems.push({ path: ['partitions'], message: '`partitions` need a name: `queue`', hint: 'Name the queue.' })
  if (queue !== undefined && Buffer.byteLength(`${queue}.${partitions}`) > 255)
    problems.push({ path: ['queue'], message: 'the names of the partitions are longer than 255 bytes' })
  if (type === 'stream')
    problems.push({ path: ['type'], message: 'partitions are queues, and a stream is none', hint: 'Leave `type` out.' })
  for (const option of ['exclusive', 'autoDelete'] as const)
    if (options[option] === true)
      problems.push({ path: [option], message: `partitions are shared and kept, which \`${option}\` rules out` })
  if (options.priority !== undefined)
    problems.push({
      path: ['priority'],
      message: 'partitions are spread over gateways by consumer priorities of their own',
      hint: 'Leave `priority` out.',
    })
  if (options.singleActiveConsumer === false)
    problems.push({
      path: ['singleActiveConsumer'],
      message: 'each partition has a single active consumer',
      hint: 'Leave it out.',
    })
  return problems
}

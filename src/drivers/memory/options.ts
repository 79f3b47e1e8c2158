import { type Static, Type } from 'typebox'
import { Closed, Duration, SECRET, Template } from '../../core/schema.ts'
import { FaultOptions } from './faults.ts'
import type { Mode } from './place.ts'

const Create = Type.Optional(
  Type.Boolean({ default: true, description: 'Make the address where it does not exist; otherwise that is an error.' }),
)
const Partitions = Type.Optional(
  Type.Integer({ default: 1, minimum: 1, maximum: 1_024, description: 'Partitions of a log that is made.' }),
)

export const connectionSchema = (mode: Mode) =>
  Closed({
    url: Type.String({
      pattern: `^${schemeOf(mode)}://([^@/]+@)?[^@/:]+/?$`,
      description: 'The name of a broker inside this process, e.g. `memory://lab`.',
      examples: [`${schemeOf(mode)}://lab`],
      [SECRET]: true,
    }),
    timeout: Type.Optional(Duration({ default: '10s', description: 'Longest wait for an answer of the broker.' })),
    faults: Type.Optional(FaultOptions),
  })

const source = {
  address: Type.String({ minLength: 1, description: 'What to read.', examples: ['orders'] }),
  create: Create,
}
const sink = {
  address: Template({ description: 'Where to write.', examples: ['orders'] }),
  key: Type.Optional(Template({ description: 'The ordering key. Default: the one the message has.' })),
  create: Create,
}

export const SourceSchema = {
  queue: Closed(source),
  log: Closed({
    ...source,
    group: Type.Optional(
      Type.String({ default: 'sluice', minLength: 1, description: 'Sources of one group share the work.' }),
    ),
    partitions: Partitions,
  }),
}
export const SinkSchema = {
  queue: Closed(sink),
  log: Closed({ ...sink, partitions: Partitions }),
}

export type ConnectionOptions = Static<ReturnType<typeof connectionSchema>>
export type SourceOptions = Static<(typeof SourceSchema)['log']>
export type SinkOptions = Static<(typeof SinkSchema)['log']>

export function schemeOf(mode: Mode): string {
  return mode === 'queue' ? 'memory' : 'memory-log'
}

import { type Static, Type } from 'typebox'
import type { LogConfig } from '../config/schema.ts'
import { Closed } from '../core/schema.ts'
import type { Call } from './endpoint.ts'
import { Refusal } from './refusal.ts'

/** The least level that is logged; settable. */
export interface LogLevelControl {
  level: LogConfig['level']
}

export const Level = Closed({
  level: Type.Union([Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')], {
    description: 'Least level that is logged.',
  }),
})

/** Looking at the log level and changing it, until the process ends. */
export function logEndpoints(log: LogLevelControl | undefined): Call[] {
  const control = (): LogLevelControl => {
    if (log === undefined) throw new Refusal('NOT_HERE', 'the log level of this gateway is fixed')
    return log
  }
  const common = { path: '/api/log-level', answer: Level, refusals: ['NOT_HERE'] }
  return [
    {
      ...common,
      method: 'GET',
      id: 'showLogLevel',
      summary: 'The least level that is logged.',
      access: 'read',
      handle: () => ({ level: control().level }),
    },
    {
      ...common,
      method: 'PUT',
      id: 'setLogLevel',
      summary: 'Changes it, until the process ends.',
      access: 'write',
      body: Level,
      handle: ({ body }) => {
        const { level } = body as Static<typeof Level>
        control().level = level
        return { level }
      },
    },
  ]
}

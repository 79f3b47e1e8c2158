import { type Static, Type } from 'typebox'
import { configHash } from '../config/plan.ts'
import { redactedConfig } from '../config/redacted.ts'
import type { Config } from '../config/schema.ts'
import { Closed } from '../core/schema.ts'
import type { Gateway } from '../engine/gateway.ts'
import type { Call } from './endpoint.ts'
import { Refusal } from './refusal.ts'
import { PlanAnswerSchema, ReloadSchema } from './reload-schema.ts'
import type { Reloading } from './reloading.ts'

/** Planning reads files; applying drains and opens. In ms. */
const PLAN_WITHIN = 60_000
export const APPLY_WITHIN = 300_000

export const VersionSchema = Type.String({ description: 'Identifies the configuration that runs.' })

const ConnectionSchema = Closed(
  {
    name: Type.String(),
    driver: Type.String(),
    urls: Type.Array(Type.String(), { description: 'Without passwords.' }),
    routes: Type.Array(Type.String(), { description: 'Routes that use it, by any of their ends.' }),
    users: Type.Integer({ minimum: 0, description: 'Ends that have it open; 0 = it is closed.' }),
  },
  { title: 'Connection' },
)

export interface ConfigParts {
  readonly gateway: Gateway
  readonly reloading: Reloading | undefined
}

/** The configuration that runs, and changing it. */
export function configEndpoints({ gateway, reloading }: ConfigParts): Call[] {
  const reload = (): Reloading => {
    if (reloading === undefined) throw new Refusal('NOT_HERE', 'this gateway was not started from a file')
    return reloading
  }
  return [
    {
      method: 'GET',
      path: '/api/connections',
      id: 'listConnections',
      summary: 'Every connection: where it goes, and who uses it.',
      access: 'read',
      answer: Closed({ connections: Type.Array(ConnectionSchema) }),
      handle: () => ({ connections: connections(gateway) }),
    },
    {
      method: 'GET',
      path: '/api/config',
      id: 'showConfig',
      summary: 'The configuration that runs, defaults filled in, without secrets.',
      access: 'read',
      answer: Closed({ version: VersionSchema, config: Type.Record(Type.String(), Type.Unknown()) }),
      handle: () => {
        const { config, registry } = gateway.running
        return { version: configHash(config), config: redactedConfig(config, registry) }
      },
    },
    {
      method: 'POST',
      path: '/api/plan',
      id: 'plan',
      summary: 'What applying the file as it is now would do, or what is wrong with it. Changes nothing.',
      access: 'write',
      answer: PlanAnswerSchema,
      refusals: ['NOT_HERE'],
      within: PLAN_WITHIN,
      handle: () => reload().plan(),
    },
    {
      method: 'POST',
      path: '/api/apply',
      id: 'apply',
      summary: 'Applies the file as it is now; with `If-Match: "HASH"` only if its plan is still that one.',
      access: 'write',
      answer: ReloadSchema,
      refusals: ['NOT_HERE', 'PLAN_STALE', 'CONFIG_INVALID', 'NOT_APPLIED'],
      within: APPLY_WITHIN,
      handle: async ({ ifMatch }) => {
        const result = await reload().apply('api', ifMatch)
        if (result.ok) return result
        const { problems, plan, error } = result
        if (ifMatch !== undefined && plan !== undefined && plan.hash !== ifMatch)
          throw new Refusal('PLAN_STALE', error ?? 'the file or what runs has changed since', { result })
        if (problems.some(problem => problem.severity === 'error'))
          throw new Refusal('CONFIG_INVALID', error ?? `${problems.length} problems`, { result })
        throw new Refusal('NOT_APPLIED', error ?? 'it was refused', { result })
      },
    },
    {
      method: 'GET',
      path: '/api/reload',
      id: 'showReload',
      summary: 'What became of the last attempt to apply a configuration.',
      access: 'read',
      answer: ReloadSchema,
      refusals: ['NOT_HERE'],
      handle: () => reload().last,
    },
  ]
}

function connections(gateway: Gateway): Static<typeof ConnectionSchema>[] {
  const { config } = gateway.running
  const open = gateway.openConnections
  return [...config.connections.values()].map(({ name, driver, options }) => ({
    name,
    driver,
    urls: [options['url'], options['urls']]
      .flat()
      .filter(url => typeof url === 'string')
      .map(withoutQuery),
    routes: usersOf(name, config),
    users: open.get(name) ?? 0,
  }))
}

// A query may hold a password under any name.
const withoutQuery = (url: string): string => url.replace(/\?.*$/s, '')

function usersOf(connection: string, { routes }: Config): string[] {
  return [...routes.values()].flatMap(({ name, from, to, deadLetter }) => {
    const ends = [from, to, ...(typeof deadLetter === 'object' ? [deadLetter] : [])]
    return ends.some(end => end.connection === connection) ? [name] : []
  })
}

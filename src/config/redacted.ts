import type { TSchema } from 'typebox'
import type { Registry } from '../core/registry.ts'
import { SECRET } from '../core/schema.ts'
import { Admin } from './admin-schema.ts'
import type { Config } from './schema.ts'
import type { SchemaView } from './wording.ts'

const MASK = '***'
// Beside what schemas call secret: a plug-in's schema may have forgotten to.
const SUSPICIOUS = /pass|secret|token|credential|private/i

/**
 * The configuration that runs, as plain data: defaults filled in, expressions of messages as written, secrets hidden. Of urls
 * the redactor of texts (Secrets) hides the passwords.
 */
export function redactedConfig(config: Config, registry: Registry): Record<string, unknown> {
  const connections = [...config.connections].map(([name, { driver, options }]) => {
    const schema = registry.drivers.get(driver)?.schema.connection
    return [name, { driver, ...(masked(options, schema) as object) }]
  })
  const routes = [...config.routes].map(([name, route]) => {
    const { name: _, ...options } = route
    return [name, options]
  })
  return {
    ...config,
    admin: masked(config.admin, Admin),
    connections: Object.fromEntries(connections),
    routes: Object.fromEntries(routes),
  }
}

function masked(value: unknown, schema: TSchema | undefined, name = ''): unknown {
  const views = branches(schema as SchemaView | undefined)
  const secret = views.some(view => view[SECRET] === true)
  if (typeof value !== 'object' || value === null) {
    // Of a url only its secret parts are hidden, and by the redactor of texts.
    if (typeof value === 'string' && value.includes('://')) return value.replace(/\?.*$/s, '?***')
    return (secret || SUSPICIOUS.test(name)) && typeof value === 'string' ? MASK : value
  }
  if (secret) return MASK
  if (Array.isArray(value)) return value.map(inner => masked(inner, views[0]?.items as TSchema | undefined, name))
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const property = views.map(view => view.properties?.[key]).find(found => found !== undefined)
      return [key, masked(inner, property as TSchema | undefined, key)]
    }),
  )
}

function branches(view: SchemaView | undefined): SchemaView[] {
  if (view === undefined) return []
  return [view, ...(view.anyOf ?? view.oneOf ?? []).flatMap(branches)]
}

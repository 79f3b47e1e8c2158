import { SluiceError } from '../core/errors.ts'
import type { Plugin } from '../core/ports.ts'

const LISTS = {
  drivers: { one: 'driver', functions: ['connect'], objects: ['features', 'schema'], arrays: ['schemes'] },
  transforms: { one: 'transform', functions: ['create'], objects: ['schema'], arrays: [] },
  gathers: { one: 'gathering step', functions: ['gather'], objects: ['schema'], arrays: [] },
  stores: { one: 'store', functions: ['open'], objects: ['schema'], arrays: [] },
} as const

/** What a plug-in exports, after making sure that it is one. Throws PLUGIN_INVALID with what is missing. */
export function pluginShape(value: unknown, file: string): Plugin {
  const fail = (message: string, hint?: string): never => {
    throw new SluiceError('PLUGIN_INVALID', `the plug-in ${file} ${message}`, hint === undefined ? {} : { hint })
  }
  if (value === undefined) fail('has no default export')
  if (!isRecord(value)) return fail('exports something that is not a plug-in by default')
  const name = value['name']
  if (typeof name !== 'string' || name === '') fail('has no name')
  const brings = Object.keys(LISTS).filter(list => value[list] !== undefined)
  const stray = Object.keys(value).find(key => key !== 'name' && !(key in LISTS))
  if (stray !== undefined)
    fail(`has a key "${stray}" that means nothing`, 'A plug-in has a name, drivers, transforms, gathers and stores.')
  if (brings.length === 0) fail('brings nothing', 'Give it at least one of drivers, transforms, gathers and stores.')
  for (const [list, { one, functions, objects, arrays }] of Object.entries(LISTS)) {
    const items = value[list] ?? []
    if (!Array.isArray(items)) return fail(`has ${list} that are not a list`)
    for (const [index, item] of (items as unknown[]).entries()) {
      const which = `${one} ${index + 1}`
      if (!isRecord(item)) return fail(`has a ${which} that is not an object`)
      if (typeof item['name'] !== 'string' || !/^[a-z][a-z0-9-]*$/.test(item['name']))
        fail(
          `has a ${which} without a usable name`,
          'A name has lower-case letters, digits and dashes, e.g. mask-card.',
        )
      for (const key of functions)
        if (typeof item[key] !== 'function') fail(`has a ${one} "${String(item['name'])}" without ${key}()`)
      for (const key of objects) if (!isRecord(item[key])) fail(`has a ${one} "${String(item['name'])}" without ${key}`)
      for (const key of arrays)
        if (!Array.isArray(item[key])) fail(`has a ${one} "${String(item['name'])}" without ${key}`)
    }
  }
  return value as unknown as Plugin
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

import type { Plugin } from '../core/ports.ts'
import { file } from './file.ts'
import { memory } from './memory.ts'
import { redis } from './redis.ts'

/** The dedup stores that come with Sluice, in the form of any other plug-in. */
export const builtinStores: Plugin = { name: 'builtin-stores', stores: [file, memory, redis] }

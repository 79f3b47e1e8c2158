import type { Plugin } from '../core/ports.ts'
import { batch } from './batch.ts'
import { filter } from './filter.ts'
import { set } from './set.ts'
import { split } from './split.ts'
import { validate } from './validate.ts'
import { window } from './window.ts'

/** The transforms that come with Sluice, in the form of any other plug-in. */
export const builtinTransforms: Plugin = {
  name: 'builtin-transforms',
  transforms: [filter, set, split, validate],
  gathers: [batch, window],
}

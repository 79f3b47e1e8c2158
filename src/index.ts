// The public door: what plug-ins and third-party drivers may use. Nobody inside src imports this file.
import type { Plugin } from './core/ports.ts'

// Schemas of options are TypeBox's: the same copy for everybody.
export { type Static, Type } from 'typebox'
export { asSluiceError, describe, type ErrorCode, type Fate, type Scope, SluiceError } from './core/errors.ts'
export { compileTemplate, compileTree } from './core/expression.ts'
export type * from './core/finding.ts'
export type * from './core/gather.ts'
export { type HeaderValue, plain, Typed } from './core/header-value.ts'
export { type HeaderEntry, Headers } from './core/headers.ts'
export { encodeBody, Message, type MessageFields, type Origin, type Properties } from './core/message.ts'
export type * from './core/ports.ts'
export type * from './core/preview.ts'
export type * from './core/reply-ports.ts'
export {
  bytes,
  Closed,
  Duration,
  milliseconds,
  perSecond,
  Rate,
  SECRET,
  Size,
  Template,
  TemplateTree,
} from './core/schema.ts'
export type { TestAddress, Testbed } from './core/testbed.ts'
export { Watermark } from './core/watermark.ts'

/** Types a plug-in and returns it unchanged: `export default definePlugin({ name: 'mask-card', transforms: […] })`. */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin
}

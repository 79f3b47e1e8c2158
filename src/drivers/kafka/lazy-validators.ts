import { Ajv2020, type AnySchema, type ValidateFunction } from 'ajv/dist/2020.js'

/**
 * @platformatic/kafka 2.12 compiles the 38 schemas of its options when it is loaded: half of what loading it costs (0.4 s of a
 * core, 14 MiB), and none is asked unless a client is made `strict`. Here each is compiled when it is first asked. Its instance
 * of ajv is known by a keyword that no other has; every other keeps ajv's own `compile`, which throws at once on a bad schema.
 * Has to be imported before the library is; where that has an ajv of its own, nothing changes.
 */
const ITS_KEYWORD = 'gteProperty'

const { compile } = Ajv2020.prototype

// The generic signature of `compile` cannot be met by a function that is not generic itself.
Ajv2020.prototype.compile = function (this: Ajv2020, schema: AnySchema, meta?: boolean) {
  if (this.getKeyword(ITS_KEYWORD) === false) return compile.call(this, schema, meta)
  let compiled: ValidateFunction | undefined
  const lazy = (data: unknown) => {
    compiled ??= compile.call(this, schema, meta) as ValidateFunction
    const valid = compiled(data)
    lazy.errors = compiled.errors
    return valid
  }
  lazy.errors = undefined as ValidateFunction['errors']
  lazy.schema = schema
  return lazy
} as typeof compile

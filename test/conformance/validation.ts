import { Ajv, type ValidateFunction } from 'ajv'
import type { TSchema } from 'typebox'

const options = { strict: false, allErrors: true } as const

/** What is wrong with a value by the schema; empty = nothing. */
export function problems(schema: TSchema, value: unknown): readonly string[] {
  const validate: ValidateFunction = new Ajv(options).compile(schema)
  return validate(value) ? [] : validate.errors!.map(error => `${error.instancePath || '/'} ${error.message}`)
}

/** A copy with the schema's defaults filled in, as the gateway hands options to drivers. Throws when they are invalid. */
export function withDefaults(schema: TSchema, value: unknown): unknown {
  const copy: unknown = structuredClone(value)
  const validate: ValidateFunction = new Ajv({ ...options, useDefaults: true }).compile(schema)
  if (validate(copy)) return copy
  const found = validate.errors!.map(error => `${error.instancePath || '/'} ${error.message}`)
  throw new Error(`the testbed gives options that the driver's schema refuses: ${found.join('; ')}`)
}

import { resolve } from 'node:path'
import { Ajv, type AnySchema, type ErrorObject, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { Type } from 'typebox'
import { asSluiceError, describe, SluiceError } from '../core/errors.ts'
import type { OptionProblem, TransformFactory } from '../core/ports.ts'
import { readSchemaFiles, type SchemaFile } from './schema-files.ts'
import { violations } from './violations.ts'

/** Bodies up to this size get every violation listed, larger ones the first: a hostile body could have a million. */
const LIST_ALL_UP_TO = 256 * 1024

/** `validate: schemas/order.json` — a body that does not match is poison, with every violation in the error. */
export const validate: TransformFactory = {
  name: 'validate',
  schema: Type.String({
    minLength: 1,
    description:
      'Path of a JSON Schema file (draft 2020-12, or draft-07 where its `$schema` says so), relative to this file. `$ref` may name files beside it. A tombstone has no body and passes.',
    examples: ['schemas/order.json'],
  }),

  check(options, { baseDir }): readonly OptionProblem[] {
    try {
      compile(readSchemaFiles(resolve(baseDir, String(options))), false)
      return []
    } catch (error) {
      const { message, hint } = asSluiceError(error, 'OPTIONS_INVALID')
      return [{ path: [], message, hint }]
    }
  },

  files(options, { baseDir }): readonly string[] {
    return readSchemaFiles(resolve(baseDir, String(options))).map(({ path }) => path)
  },

  create(options, { baseDir }) {
    const files = readSchemaFiles(resolve(baseDir, String(options)))
    const matches = compile(files, false)
    const matchesAll = compile(files, true)
    return message => {
      if (message.bytes === null || matches(message.body)) return message
      throw invalid(String(options), message.size > LIST_ALL_UP_TO ? matches : rerun(matchesAll, message.body))
    }
  },
}

function compile(files: readonly [SchemaFile, ...SchemaFile[]], allErrors: boolean): ValidateFunction {
  const [main, ...others] = files
  const dialect = main.schema['$schema']
  const draft7 = typeof dialect === 'string' && /draft-0[67]/.test(dialect)
  // Not strict: schema files are shared with other tools and carry keywords of theirs.
  const options = { allErrors, strict: false, logger: false, validateFormats: true } as const
  const ajv = draft7 ? new Ajv(options) : new Ajv2020(options)
  addFormats.default(ajv)
  try {
    for (const { schema, uri } of others) ajv.addSchema(schema, uri)
    ajv.addSchema(main.schema, main.uri)
    const compiled = ajv.getSchema<AnySchema>(main.uri)
    if (compiled === undefined) throw new Error('it has no root')
    if ((compiled as { $async?: boolean }).$async === true) throw new Error('$async schemas cannot be used')
    return compiled as ValidateFunction
  } catch (error) {
    throw new SluiceError('OPTIONS_INVALID', `the schema cannot be used: ${describe(error)}`)
  }
}

function rerun(validator: ValidateFunction, body: unknown): ValidateFunction {
  validator(body)
  return validator
}

function invalid(schema: string, { errors }: ValidateFunction): SluiceError {
  const list: readonly ErrorObject[] = errors ?? []
  return new SluiceError('VALIDATION_FAILED', `the body does not match ${schema}: ${violations(list)}`)
}

import type { ErrorObject } from 'ajv'

/** Longest list in characters: a dead letter carries it in a header. */
const LONGEST = 2_000

/**
 * Every violation as `path words`, joined by `; `; what does not fit is counted. Shows names and limits out of the
 * schema, never values out of the body: they may be personal, and errors end in logs.
 */
export function violations(errors: readonly ErrorObject[]): string {
  let text = ''
  let shown = 0
  for (const error of errors) {
    const line = (shown === 0 ? '' : '; ') + words(error)
    if (text.length + line.length > LONGEST && shown > 0) break
    text += line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
    shown++
  }
  return shown === errors.length ? text : `${text}; … and ${errors.length - shown} more`
}

function words({ instancePath, keyword, message, params }: ErrorObject): string {
  const path = instancePath === '' ? 'body' : instancePath
  const detail = DETAILS[keyword]?.(params)
  return `${path} ${message ?? keyword}${detail === undefined ? '' : `: ${detail}`}`
}

const DETAILS: Readonly<Record<string, (params: Record<string, unknown>) => string>> = {
  additionalProperties: params => JSON.stringify(params['additionalProperty']),
  unevaluatedProperties: params => JSON.stringify(params['unevaluatedProperty']),
  propertyNames: params => JSON.stringify(params['propertyName']),
  enum: params => cut(JSON.stringify(params['allowedValues'])),
  const: params => cut(JSON.stringify(params['allowedValue'])),
}

const cut = (text: string): string => (text.length <= 200 ? text : `${text.slice(0, 200)}…`)

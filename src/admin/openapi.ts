import { Type } from 'typebox'
import { Closed } from '../core/schema.ts'
import { type Endpoint, isStream } from './endpoint.ts'

export const ProblemDetailsSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ description: 'Never renamed.' }),
    hint: Type.String({ description: 'What to do.' }),
  },
  { title: 'ProblemDetails', description: 'RFC 9457.' },
)

interface Operation {
  readonly operationId: string
  readonly [member: string]: unknown
}

/** The API as OpenAPI 3.1, from the schemas that requests are held to. */
export function openApi(endpoints: readonly Endpoint[], version: string): object {
  const paths: Record<string, Record<string, Operation>> = {}
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version,
      description: 'The admin API of a gateway. Everything under `/api` may take a bearer token; every write does.',
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { ProblemDetails: ProblemDetailsSchema },
    },
    paths,
  }
}

function operation(endpoint: Endpoint): Operation {
  const { id, summary, access, query, body, answer, refusals = [] } = endpoint
  const type = isStream(endpoint) ? 'text/event-stream' : 'application/json'
  return {
    operationId: id,
    summary,
    // Reading takes a token as soon as one is configured.
    security: access === 'write' ? [{ token: [] }] : [{}, { token: [] }],
    parameters: [...inPath(endpoint), ...inQuery(query)],
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: {
      200: {
        description: isStream(endpoint) ? 'Server-sent events; the schema is that of `data`.' : 'Done.',
        content: { [type]: { schema: answer } },
      },
      default: {
        description: ['Refused.', ...refusals.map(code => `\`${code}\``)].join(' '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/ProblemDetails' } } },
      },
    },
  }
}

function inPath({ path }: Endpoint): object[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function inQuery(query: Endpoint['query']): object[] {
  const { properties = {} } = (query ?? Closed({})) as { properties?: Record<string, { description?: string }> }
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    description: schema.description,
    schema,
  }))
}

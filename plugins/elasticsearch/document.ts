import { isUtf8 } from 'node:buffer'
import { compileTemplate, compileTree, encodeBody, type Message, SluiceError } from 'sluice'
import type { SinkOptions } from './options.ts'

export type Action = 'index' | 'create' | 'delete'

/** One document of a bulk request. */
export interface Operation {
  readonly action: Action
  /** The lines it takes up in the request: what to do, and, but for a delete, the document. */
  readonly lines: readonly string[]
  /** Bytes of the lines. */
  readonly size: number
}

const MAX_ID = 512
const MAX_INDEX = 255
const ACTIONS: readonly string[] = ['index', 'create', 'delete'] satisfies Action[]

/** Makes operations out of messages. Compiles the templates: throws OPTIONS_INVALID. */
export class Documents {
  readonly #limit: number
  readonly #values: Readonly<Record<'index' | 'action' | 'id' | 'version' | 'routing', Value>>
  readonly #namesIds: boolean
  readonly #document: ReturnType<typeof compileTree> | undefined

  /** @param limit most bytes of a document */
  constructor(options: SinkOptions, limit: number) {
    const { index, action = 'index', id = '${id}', version, routing, document } = options
    this.#limit = limit
    this.#namesIds = options.id !== undefined
    this.#values = {
      index: value('index', index),
      action: value('action', action),
      id: value('id', id),
      version: value('version', version),
      routing: value('routing', routing),
    }
    this.#document = document === undefined ? undefined : compileTree(document)
  }

  /** Throws a SluiceError of this message: EXPRESSION_FAILED, BODY_INVALID, MESSAGE_REFUSED, TOO_LARGE. */
  of(message: Message): Operation {
    const index = indexName(this.#values.index(message))
    const action = this.#action(message)
    const id = idText(this.#values.id(message))
    const version = versionText(this.#values.version(message))
    const routing = this.#values.routing(message)
    const names = { _index: index, _id: id, ...(routing === undefined ? {} : { routing }) }
    // A version is a number of up to 63 bits, which JSON.stringify would round.
    const end = version === undefined ? '}}' : `,"version":${version},"version_type":"external"}}`
    const head = `{"${action}":${JSON.stringify(names).slice(0, -1)}${end}`
    const lines = action === 'delete' ? [head] : [head, this.#text(message)]
    const size = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0)
    return { action, lines, size }
  }

  #action(message: Message): Action {
    const action = this.#values.action(message) ?? 'none'
    if (!ACTIONS.includes(action)) throw refused('the action is none of index, create and delete')
    if (message.bytes !== null) return action as Action
    if (action === 'create') throw refused('a null body deletes a document, and the action is `create`')
    if (!this.#namesIds) throw refused('a null body deletes the document of its `id`, and the route gives none')
    return 'delete'
  }

  #text(message: Message): string {
    const bytes = this.#document === undefined ? message.bytes! : encodeBody(this.#document.evaluate(message), 'json')
    if (bytes === null || firstByte(bytes) !== 0x7b)
      throw new SluiceError('BODY_INVALID', 'the document is no JSON object', {
        hint: 'Make one with `document`, e.g. `document: { text: "${body}" }` and `decode: text`.',
      })
    if (bytes.length > this.#limit)
      throw new SluiceError('TOO_LARGE', `the document has ${bytes.length} bytes, and ${this.#limit} are the most`)
    if (!isUtf8(bytes)) throw new SluiceError('BODY_INVALID', 'the document is not UTF-8')
    // Elasticsearch ends a document at a line break. In JSON one can only stand where a blank may.
    return bytes.toString('utf8').replace(/[\r\n]/g, ' ')
  }
}

type Value = (message: Message) => string | undefined

function value(name: string, template: unknown): Value {
  if (template === undefined) return () => undefined
  const expression = compileTemplate(String(template))
  return message => {
    const result = expression.evaluate(message)
    if (result === null || result === undefined) throw refused(`the ${name} is null`)
    if (Buffer.isBuffer(result)) return result.toString('utf8')
    if (typeof result === 'object') throw refused(`the ${name} is a list or a map`)
    return String(result)
  }
}

/** Throws MESSAGE_REFUSED for what cannot be the name of an index. */
export function indexName(name: string | undefined): string {
  if (name === undefined || name === '' || Buffer.byteLength(name) > MAX_INDEX)
    throw refused(`the name of the index is empty or longer than ${MAX_INDEX} bytes`)
  if (name !== name.toLowerCase() || /[\\/*?"<>| ,#:]/.test(name) || /^[-_+]|^\.\.?$/.test(name))
    throw refused('the name of the index has capitals, a blank or one of \\/*?"<>|,#: in it, or begins with one of -_+')
  return name
}

function idText(id: string | undefined): string {
  const length = Buffer.byteLength(id ?? '')
  if (id === undefined || length === 0 || length > MAX_ID) throw refused(`the id has ${length} bytes, not 1–${MAX_ID}`)
  return id
}

function versionText(version: string | undefined): string | undefined {
  if (version === undefined) return undefined
  if (!/^\d{1,19}$/.test(version) || BigInt(version) >= 2n ** 63n)
    throw refused('the version is no whole number from 0 on')
  return String(BigInt(version))
}

function firstByte(bytes: Buffer): number | undefined {
  return bytes.find(byte => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)
}

const refused = (why: string) => new SluiceError('MESSAGE_REFUSED', why)

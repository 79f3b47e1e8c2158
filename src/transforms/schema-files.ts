import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, SluiceError } from '../core/errors.ts'

export interface SchemaFile {
  /** What the schema is known by: its own `$id`, else the URL of its file. */
  readonly uri: string
  readonly schema: Readonly<Record<string, unknown>>
  /** Where it was read. */
  readonly path: string
}

/**
 * A JSON Schema file and every file it refers to with `$ref`, however deep; the first is the one asked for. A relative
 * reference is a file beside the one that holds it. Nothing is fetched from the network. Throws OPTIONS_INVALID.
 */
export function readSchemaFiles(path: string): readonly [SchemaFile, ...SchemaFile[]] {
  const first = read(path)
  const files: [SchemaFile, ...SchemaFile[]] = [first]
  const known = new Set([first.uri])
  const queue = [{ file: first, path }]
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const reference of references(next.file.schema)) {
      const uri = new URL(reference, next.file.uri).href.replace(/#.*$/, '')
      if (known.has(uri) || uri.startsWith('http://json-schema.org/') || uri.startsWith('https://json-schema.org/'))
        continue
      known.add(uri)
      const beside = siblingOf(next.path, reference)
      if (!existsSync(beside))
        throw new SluiceError('OPTIONS_INVALID', `${next.path}: "$ref": "${reference}" is no file (${beside})`, {
          hint: 'Schemas are read from files beside each other; nothing is fetched from the network.',
        })
      // Known by the name it is referred to with, so that the reference resolves whatever `$id` the file has.
      const { schema } = read(beside)
      const file = { uri, schema: { ...schema, $id: uri }, path: beside }
      files.push(file)
      queue.push({ file, path: beside })
    }
  }
  return files
}

function read(path: string): SchemaFile {
  let schema: unknown
  try {
    schema = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const why = missing ? 'there is no such file' : describe(error)
    throw new SluiceError('OPTIONS_INVALID', `the schema ${path} cannot be read: ${why}`)
  }
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    throw new SluiceError('OPTIONS_INVALID', `the schema ${path} is not a JSON object`)
  const record = schema as Record<string, unknown>
  const uri = typeof record['$id'] === 'string' && URL.canParse(record['$id']) ? record['$id'] : undefined
  return { uri: (uri ?? pathToFileURL(path).href).replace(/#$/, ''), schema: record, path }
}

function siblingOf(path: string, reference: string): string {
  const file = reference.replace(/#.*$/, '')
  const relative = URL.canParse(file) ? basename(new URL(file).pathname) : file
  return fileURLToPath(new URL(relative, pathToFileURL(path)))
}

// Every `$ref` that leaves its own file.
function references(node: unknown, found: string[] = []): readonly string[] {
  if (Array.isArray(node)) for (const item of node) references(item, found)
  else if (typeof node === 'object' && node !== null)
    for (const [name, value] of Object.entries(node)) {
      if (name === '$ref' && typeof value === 'string' && !value.startsWith('#')) found.push(value)
      else if (name !== 'const' && name !== 'enum' && name !== 'examples' && name !== 'default')
        references(value, found)
    }
  return found
}

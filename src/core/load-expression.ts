import type { Environment } from '@marcbachmann/cel-js'
import { type Code, compileCel, createEnvironment, type Variables } from './cel.ts'
import { celProblem } from './cel-problem.ts'
import { leaveCel } from './cel-values.ts'
import { SluiceError } from './errors.ts'
import { textOf } from './json-text.ts'
import { scanTemplate, type TemplatePart, type TemplateProblem } from './template-scan.ts'

/** What `${…}` in `connections` may read, once, when the configuration is loaded. */
export interface LoadSources {
  /** `env.NAME`. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** `file('/run/secrets/x')`: the content as UTF-8. May throw; the error's message must not hold content. */
  readonly readFile: (path: string) => string
}

export type Loaded = { readonly value: unknown } | { readonly problem: TemplateProblem }

const LOAD_VARIABLES = { env: { type: 'map' } } as const satisfies Variables
const NO_SOURCES: LoadSources = { env: {}, readFile: () => '' }

/** The first problem of a template of `connections` that shows without evaluating it, or undefined. Reads nothing. */
export function loadTemplateProblem(text: string): TemplateProblem | undefined {
  const pieces = compile(text, loadEnvironment(NO_SOURCES))
  return 'offset' in pieces ? pieces : undefined
}

/**
 * Evaluates a text of `connections`. One `${…}` keeps its type, anything else is interpolation. One line break at the end
 * of a file is left out, because editors and `echo` put it there. Problems never hold a value, only names and places.
 */
export function evaluateLoadTemplate(text: string, sources: LoadSources): Loaded {
  const pieces = compile(text, loadEnvironment(sources))
  if ('offset' in pieces) return { problem: pieces }
  const env = Object.fromEntries(Object.entries(sources.env).filter(([, value]) => value !== undefined))
  let whole = ''
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      whole += piece
      continue
    }
    const result = run(piece, env)
    if ('problem' in result || pieces.length === 1) return result
    const inText = textOf(result.value)
    if (inText === undefined) return { problem: { offset: piece.offset, message: 'null cannot be part of a text' } }
    whole += inText
  }
  return { value: whole }
}

interface Piece extends Code {
  readonly offset: number
}

function compile(text: string, environment: Environment): readonly (string | Piece)[] | TemplateProblem {
  const parts: readonly TemplatePart[] | TemplateProblem = scanTemplate(text)
  if ('offset' in parts) return parts
  const pieces: (string | Piece)[] = []
  for (const part of parts) {
    if (typeof part === 'string') {
      pieces.push(part)
      continue
    }
    const code = compileCel(part.code, environment, LOAD_VARIABLES)
    if ('message' in code) return { ...code, offset: part.offset + code.offset }
    pieces.push({ ...code, offset: part.offset })
  }
  return pieces
}

function loadEnvironment(sources: LoadSources): Environment {
  return createEnvironment(LOAD_VARIABLES).registerFunction(
    'file(string): string',
    (path: string) => {
      try {
        return sources.readFile(path).replace(/\r?\n$/, '')
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
        throw new SluiceError('OPTIONS_INVALID', `the file ${path} cannot be read${code}`)
      }
    },
    { async: false },
  )
}

function run(piece: Piece, env: Readonly<Record<string, unknown>>): Loaded {
  try {
    return { value: leaveCel(piece.run({ env })) }
  } catch (error) {
    if (error instanceof SluiceError) return { problem: { offset: piece.offset, message: error.message } }
    const { offset, code, key } = celProblem(error)
    const at = piece.offset + offset
    if (code === 'no_such_key' && key !== undefined)
      return {
        problem: {
          offset: at,
          message: `the environment variable ${key} is not set`,
          hint: `Set ${key}, or give a default: \${env.?${key}.orValue("…")}.`,
        },
      }
    // The library's own words may hold a value, and values here are secrets.
    return { problem: { offset: at, message: `the expression cannot be evaluated (${code})` } }
  }
}

import { createHash } from 'node:crypto'
import type { Environment } from '@marcbachmann/cel-js'

/** One function that Sluice adds to CEL. `docs/expressions.md` lists them. */
interface Addition {
  readonly signature: string
  readonly description: string
  /** Gets values of the types that the signature names. */
  readonly handler: (...values: never[]) => unknown
}

const sync = { async: false }

/** What Sluice adds: pure functions of their arguments; no clock, no environment, no randomness. */
export const FUNCTIONS: readonly Addition[] = [
  {
    signature: 'json(string): dyn',
    description: 'Parses JSON text.',
    handler: (text: string) => JSON.parse(text) as unknown,
  },
  {
    signature: 'json(bytes): dyn',
    description: 'Parses JSON text in UTF-8 bytes.',
    handler: (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown,
  },
  {
    signature: 'sha256(string): string',
    description: 'SHA-256 of the UTF-8 text, 64 hexadecimal digits.',
    handler: (text: string) => createHash('sha256').update(text, 'utf8').digest('hex'),
  },
  {
    signature: 'sha256(bytes): string',
    description: 'SHA-256 of the bytes, 64 hexadecimal digits.',
    handler: (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex'),
  },
  {
    signature: 'base64(string): string',
    description: 'Base64 of the UTF-8 text.',
    handler: (text: string) => Buffer.from(text, 'utf8').toString('base64'),
  },
  {
    signature: 'base64(bytes): string',
    description: 'Base64 of the bytes.',
    handler: (bytes: Uint8Array) => Buffer.from(bytes).toString('base64'),
  },
  {
    signature: 'fromBase64(string): bytes',
    description: 'The bytes that a base64 text stands for.',
    handler: (text: string) => Buffer.from(text, 'base64'),
  },
  {
    signature: 'urlEncode(string): string',
    description: 'Percent-encodes a text for use inside a URL, e.g. a password.',
    handler: (text: string) => encodeURIComponent(text),
  },
  {
    signature: 'string.replace(string, string): string',
    description: 'Replaces every occurrence of the first text by the second.',
    handler: (text: string, find: string, by: string) => text.replaceAll(find, () => by),
  },
  {
    signature: 'round(double): int',
    description: 'The nearest integer; halves away from zero.',
    handler: (value: number) => BigInt(Math.sign(value) * Math.round(Math.abs(value))),
  },
]

/**
 * JSON has one kind of number, CEL three that do not mix. Body fields arrive as double, literals are int, so that
 * `body.n + 1` would fail: these overloads make arithmetic between them a double, as a person expects.
 * Comparisons with literals of the other kind are allowed where the library knows both kinds beforehand.
 */
export function addNumbers(environment: Environment): void {
  const numbers: Readonly<Record<string, (a: number, b: number) => number>> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
    '%': (a, b) => a % b,
  }
  for (const [operator, compute] of Object.entries(numbers)) {
    const mixed = (a: number | bigint, b: number | bigint) => compute(Number(a), Number(b))
    environment.registerOperator(`int ${operator} double: double`, mixed)
    environment.registerOperator(`double ${operator} int: double`, mixed)
  }
  environment.registerOperator('double % double: double', (a: number, b: number) => a % b)
  // biome-ignore lint/suspicious/noDoubleEquals: equality of a BigInt and a number of the same value
  environment.registerOperator('int == double', (a: bigint, b: number) => (a as unknown) == b)
}

export function addFunctions(environment: Environment): void {
  for (const { signature, description, handler } of FUNCTIONS)
    environment.registerFunction(signature, handler, { ...sync, description })
}

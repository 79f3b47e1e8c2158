import type { Path } from '../../config/problem.ts'
import { describe } from '../../core/errors.ts'
import { compileTemplate } from '../../core/expression.ts'
import { compareLists, compareSets, type Difference } from './compare-lists.ts'
import { type Plain, plainLetter, plainMessage } from './plain-message.ts'
import type { Outcome } from './rehearse.ts'
import type { Published } from './stand-in.ts'
import type { Expectation, ExpectedLetter, ExpectedMessage, RouteTest } from './test-schema.ts'

/** Everything in which the outcome is not what the test expects, in the order of the file. */
export function differences({ expect }: RouteTest, outcome: Outcome): readonly Difference[] {
  const wanted: Expectation = expect === 'nothing' ? {} : expect
  const { messages = [], deadLetters = [], order = 'exact' } = wanted
  const found: Difference[] = []
  const list = order === 'any' ? compareSets : compareLists
  found.push(
    ...list(
      ['expect', 'messages'],
      messages,
      outcome.messages,
      (one, published, path) => [
        ...compareMessage(one, plainMessage(published), path),
        ...compareWhere(one, published, path),
      ],
      one => summary(plainMessage(one), one),
    ),
    ...list(
      ['expect', 'deadLetters'],
      deadLetters.map(one => (typeof one === 'string' ? { reason: one } : one)),
      outcome.deadLetters,
      (one, letter, path) => compareLetter(one, plainLetter(letter), path),
      one => summary(plainLetter(one), one.published),
    ),
  )
  const { blocked } = outcome
  if (blocked?.code !== wanted.blocked)
    found.push({
      path: ['expect', 'blocked'],
      expected: wanted.blocked,
      got: blocked && `${blocked.code}: ${blocked.message}`,
    })
  for (const name of ['filtered', 'deduplicated', 'late'] as const)
    if (wanted[name] !== undefined && wanted[name] !== outcome[name])
      found.push({ path: ['expect', name], expected: wanted[name], got: outcome[name] })
  if (outcome.stuck !== undefined)
    found.push({ path: ['expect'], expected: undefined, got: undefined, note: outcome.stuck })
  return found
}

function compareMessage(expected: ExpectedMessage, actual: Plain, path: Path): readonly Difference[] {
  const { where: _, exact = false, ...fields } = expected
  return Object.entries(fields).flatMap(([name, value]) =>
    compareValue(value, actual[name], [...path, name], exact && (name === 'body' || name === 'headers')),
  )
}

function compareLetter({ message, ...fields }: ExpectedLetter, actual: Plain, path: Path): readonly Difference[] {
  const found = Object.entries(fields).flatMap(([name, value]) =>
    compareValue(value, actual[name], [...path, name], false),
  )
  if (message !== undefined && !String(actual['message']).includes(message))
    found.push({ path: [...path, 'message'], expected: `… ${message} …`, got: actual['message'] })
  // The code alone rarely says what went wrong.
  return found.map(one =>
    one.path.at(-1) === 'reason' ? { ...one, got: `${String(actual['reason'])}: ${String(actual['message'])}` } : one,
  )
}

function compareWhere({ where }: ExpectedMessage, { message }: Published, path: Path): readonly Difference[] {
  if (where === undefined) return []
  const at = [...path, 'where']
  try {
    const value = compileTemplate(String(where)).evaluate(message)
    return value === true
      ? []
      : [{ path: at, expected: true, got: value, note: `${String(where)} is ${JSON.stringify(value)}` }]
  } catch (error) {
    return [{ path: at, expected: true, got: undefined, note: describe(error) }]
  }
}

// Of mappings the fields that are named, unless `exact`; null is the same as not being there.
function compareValue(expected: unknown, got: unknown, path: Path, exact: boolean): Difference[] {
  if (expected === null) return got === null || got === undefined ? [] : [{ path, expected, got }]
  if (Array.isArray(expected) && Array.isArray(got)) {
    const length = Math.max(expected.length, got.length)
    return Array.from({ length }).flatMap((_, at) =>
      at < expected.length && at < got.length
        ? compareValue(expected[at], got[at], [...path, at], exact)
        : [{ path: [...path, at], expected: expected[at], got: got[at] }],
    )
  }
  if (isMapping(expected) && isMapping(got)) {
    const extra = exact ? Object.keys(got).filter(name => !(name in expected)) : []
    return [
      ...Object.entries(expected).flatMap(([name, value]) => compareValue(value, got[name], [...path, name], exact)),
      ...extra.map(name => ({ path: [...path, name], expected: undefined, got: got[name] })),
    ]
  }
  return Object.is(expected, got) || (expected === 0 && got === 0) ? [] : [{ path, expected, got }]
}

// What came unexpected, without what says the same twice.
function summary({ text: _text, base64: _base64, properties, headers, ...rest }: Plain, published?: Published): Plain {
  const filled = (value: unknown) => isMapping(value) && Object.keys(value).length > 0
  return {
    ...rest,
    ...(filled(headers) && { headers }),
    ...(filled(properties) && { properties }),
    to: published?.address,
  }
}

const isMapping = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

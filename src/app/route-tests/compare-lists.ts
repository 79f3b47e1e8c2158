import type { Path } from '../../config/problem.ts'

/** One thing that is not as expected. */
export interface Difference {
  /** Below the test: `['expect', 'messages', 0, 'body', 'total']`. */
  readonly path: Path
  /** As data; undefined = nothing was expected there, or nothing came. */
  readonly expected: unknown
  readonly got: unknown
  /** Replaces "expected … got …" where a sentence says more. */
  readonly note?: string
}

export type Compare<E, A> = (expected: E, actual: A, path: Path) => readonly Difference[]
/** What is shown of something that came unexpected. */
export type Show<A> = (one: A) => unknown

/** Above so many of a list it is not looked for which one is missing: the work grows with the product of both lengths. */
const MOST_ALIGNED = 100

/** In order. Where one is missing or too many, those around it are still compared with their counterparts. */
export function compareLists<E, A>(
  path: Path,
  expected: readonly E[],
  actual: readonly A[],
  compare: Compare<E, A>,
  show: Show<A>,
): readonly Difference[] {
  const fits = (i: number, j: number) => compare(expected[i]!, actual[j]!, path).length === 0
  const aligned = expected.length !== actual.length && Math.max(expected.length, actual.length) <= MOST_ALIGNED
  const anchors = aligned ? common(expected.length, actual.length, fits) : []
  const found: Difference[] = []
  let i = 0
  let j = 0
  for (const [nextI, nextJ] of [...anchors, [expected.length, actual.length] as const]) {
    for (; i < nextI && j < nextJ; i++, j++) found.push(...compare(expected[i]!, actual[j]!, [...path, i]))
    for (; i < nextI; i++) found.push({ path: [...path, i], expected: expected[i], got: undefined })
    for (; j < nextJ; j++) found.push({ path: [...path, j], expected: undefined, got: show(actual[j]!) })
    i++
    j++
  }
  return found
}

/** In any order. Each expectation takes the first that fits; what is left over is compared in order, for the difference to show. */
export function compareSets<E, A>(
  path: Path,
  expected: readonly E[],
  actual: readonly A[],
  compare: Compare<E, A>,
  show: Show<A>,
): readonly Difference[] {
  const left = [...actual]
  const open: number[] = []
  expected.forEach((one, at) => {
    const fits = left.findIndex(other => compare(one, other, path).length === 0)
    if (fits < 0) open.push(at)
    else left.splice(fits, 1)
  })
  return [
    ...open.flatMap((at, nth) =>
      nth < left.length
        ? compare(expected[at]!, left[nth]!, [...path, at])
        : [{ path: [...path, at], expected: expected[at], got: undefined }],
    ),
    ...left
      .slice(open.length)
      .map((one, nth) => ({ path: [...path, expected.length + nth], expected: undefined, got: show(one) })),
  ]
}

/** The longest common subsequence of two lists as pairs of indexes. */
function common(m: number, n: number, fits: (i: number, j: number) => boolean): (readonly [number, number])[] {
  const same = Array.from({ length: m }, (_, i) => Array.from({ length: n }, (_, j) => fits(i, j)))
  const longest = Array.from({ length: m + 1 }, () => new Array<number>(n + 1).fill(0))
  for (let i = m - 1; i >= 0; i--)
    for (let j = n - 1; j >= 0; j--)
      longest[i]![j] = same[i]![j] ? longest[i + 1]![j + 1]! + 1 : Math.max(longest[i + 1]![j]!, longest[i]![j + 1]!)
  const pairs: (readonly [number, number])[] = []
  for (let i = 0, j = 0; i < m && j < n; ) {
    if (same[i]![j]) pairs.push([i++, j++])
    else if (longest[i + 1]![j]! >= longest[i]![j + 1]!) i++
    else j++
  }
  return pairs
}

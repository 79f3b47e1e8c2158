import { distance } from 'fastest-levenshtein'

/** The candidate a person most likely meant by `word`, or undefined when none is near (a third of its letters wrong). */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const far = distance(word.toLowerCase(), candidate.toLowerCase())
    if (far >= least) continue
    least = far
    best = candidate
  }
  return best
}

/** What to do with a message, or a route, after an error: again · put aside · stop the route. */
export type Fate = 'retry' | 'poison' | 'fatal'

/**
 * Whom an error concerns. `message`: this one message, its neighbours may do well; a retry counts as an attempt.
 * `endpoint`: the broker, the connection or the address; every message would fail alike, so the route holds and no
 * attempt is used up.
 */
export type Scope = 'message' | 'endpoint'

export interface ErrorKind {
  readonly fate: Fate
  readonly scope: Scope
  /** One sentence for docs/errors.md: what happened. */
  readonly meaning: string
  /** What the operator should do, as an instruction. */
  readonly hint: string
}

export const errorKind = (fate: Fate, scope: Scope, meaning: string, hint: string): ErrorKind => ({
  fate,
  scope,
  meaning,
  hint,
})

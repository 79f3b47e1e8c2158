import { type Static, Type } from 'typebox'
import { ERRORS } from '../core/error-table.ts'
import { SluiceError } from '../core/errors.ts'
import { Closed, Duration, milliseconds, perSecond, Rate } from '../core/schema.ts'
import { type BoxProgress, DeadLetterBox } from '../engine/dead-letter-box.ts'
import type { Gateway } from '../engine/gateway.ts'
import type { DeadLetterFilter } from '../engine/letter.ts'
import type { ApiRequest, Call } from './endpoint.ts'
import type { KeyedLock } from './keyed-lock.ts'
import { LetterDetailsSchema, LetterSchema, letterDetails, letterView, mentions } from './letter-view.ts'
import type { NameRedactor } from './redaction.ts'
import { Refusal } from './refusal.ts'
import type { RouteViews } from './route-view.ts'

/** Reading ends where nothing more comes for a while; a consumer group takes its time to form. In ms. */
const READ_WITHIN = 60_000
const ACT_WITHIN = 300_000
const MOST_AT_ONCE = 10_000

const FILTER = {
  reason: Type.Optional(Type.String({ description: 'Only with this error code.', examples: ['VALIDATION_FAILED'] })),
  id: Type.Optional(Type.String({ description: 'Only the message with this id.' })),
  olderThan: Type.Optional(Duration({ description: 'Last failure at least so long ago.' })),
  newerThan: Type.Optional(Duration({ description: 'Last failure at most so long ago.' })),
}
const ListQuery = Closed({
  ...FILTER,
  search: Type.Optional(Type.String({ maxLength: 200, description: 'Only with this text in what the list shows.' })),
  limit: Type.Optional(Type.Integer({ default: 100, minimum: 1, maximum: 1_000, description: 'At most so many.' })),
})
const { id: _, ...WITHOUT_ID } = FILTER
const Selection = Closed({
  ids: Type.Optional(
    Type.Array(Type.String(), { minItems: 1, maxItems: 1_000, description: 'Only the messages with these ids.' }),
  ),
  ...WITHOUT_ID,
  all: Type.Optional(Type.Boolean({ description: 'Really every one; needed where nothing else says which.' })),
  limit: Type.Optional(
    Type.Integer({ default: 1_000, minimum: 1, maximum: MOST_AT_ONCE, description: 'At most so many.' }),
  ),
  dryRun: Type.Optional(Type.Boolean({ description: 'Only counts.' })),
  rate: Type.Optional(Rate({ description: 'At most so many per time.' })),
})
type Selection = Static<typeof Selection>

const Progress = Closed({
  seen: Type.Integer(),
  matched: Type.Integer(),
  done: Type.Integer({ description: 'Confirmed by the target, or removed.' }),
  failed: Type.Integer({ description: 'Became dead letters again.' }),
})

export interface LetterParts {
  readonly gateway: Gateway
  readonly views: RouteViews
  readonly lock: KeyedLock
  readonly redactor: NameRedactor
}

/** The dead letters of a route: list, show, redrive, discard. */
export function letterEndpoints({ gateway, views, lock, redactor }: LetterParts): Call[] {
  // One at a time: two who look hide each other's letters where a broker hands out each to one.
  const open = async <T>(name: string, use: (box: DeadLetterBox) => Promise<T>, none: T): Promise<T> => {
    views.config(name)
    using _ = lock.take(`letters ${name}`, `the dead letters of "${name}" are being read already`)
    try {
      return await use(new DeadLetterBox({ ...gateway.running, route: name }))
    } catch (error) {
      // A queue that is declared with its first letter: where it is missing, there is none.
      if (error instanceof SluiceError && error.code === 'ADDRESS_MISSING') return none
      throw error
    }
  }
  const act = (verb: 'redrive' | 'discard', summary: string): Call => ({
    method: 'POST',
    path: `/api/routes/:name/dead-letters/${verb}`,
    id: `${verb}DeadLetters`,
    summary,
    access: 'write',
    body: Selection,
    answer: Progress,
    refusals: ['NOT_FOUND', 'NOT_HERE', 'BUSY', 'BROKER_AWAY', 'BROKER_REFUSES'],
    within: ACT_WITHIN,
    handle: ({ params, body, signal }) => {
      const { dryRun, rate, all, ...selection } = body as Selection
      const filter = filterOf(selection, selection.ids)
      if (all !== true && Object.keys(filter).every(name => name === 'limit'))
        throw new Refusal('INVALID_REQUEST', 'nothing says which dead letters are meant', {
          hint: 'Give `ids`, `reason`, `olderThan` or `newerThan`, or `all: true` if that is meant.',
        })
      const options = { dryRun, rate: rate === undefined ? undefined : perSecond(rate) }
      const use = (box: DeadLetterBox): Promise<BoxProgress> =>
        verb === 'redrive' ? box.redrive(filter, options, signal) : box.purge(filter, options, signal)
      return open(params['name']!, use, { seen: 0, matched: 0, done: 0, failed: 0 })
    },
  })
  return [
    {
      method: 'GET',
      path: '/api/routes/:name/dead-letters',
      id: 'listDeadLetters',
      summary: 'The dead letters of a route, oldest first, without their bodies. They stay where they are.',
      access: 'read',
      query: ListQuery,
      answer: Closed({
        letters: Type.Array(LetterSchema),
        more: Type.Boolean({ description: 'There are more than `limit`.' }),
      }),
      refusals: ['NOT_FOUND', 'NOT_HERE', 'BUSY', 'BROKER_AWAY', 'BROKER_REFUSES'],
      within: READ_WITHIN,
      handle: ({ params, query, signal }: ApiRequest) => {
        const { search, limit = 100, id, ...rest } = query as Static<typeof ListQuery>
        const filter = filterOf(rest, id === undefined ? undefined : [id])
        const use = async (box: DeadLetterBox) => {
          const letters = []
          for await (const letter of box.list(filter, signal)) {
            const view = letterView(letter)
            if (search !== undefined && !mentions(view, search)) continue
            if (letters.length === limit) return { letters, more: true }
            letters.push(view)
          }
          signal.throwIfAborted()
          return { letters, more: false }
        }
        return open(params['name']!, use, { letters: [], more: false })
      },
    },
    {
      method: 'GET',
      path: '/api/routes/:name/dead-letters/:id',
      id: 'showDeadLetter',
      summary: 'One dead letter with headers and body; what `admin.redact` names is hidden.',
      access: 'read',
      answer: LetterDetailsSchema,
      refusals: ['NOT_FOUND', 'NOT_HERE', 'BUSY', 'BROKER_AWAY', 'BROKER_REFUSES'],
      within: READ_WITHIN,
      handle: async ({ params, signal }) => {
        const id = params['id']!
        const use = async (box: DeadLetterBox) => {
          for await (const letter of box.list({ ids: [id], limit: 1 }, signal)) return letterDetails(letter, redactor)
          return undefined
        }
        const found = await open(params['name']!, use, undefined)
        if (found === undefined) throw new Refusal('NOT_FOUND', `there is no dead letter with the id "${id}"`)
        return found
      },
    },
    act('redrive', 'Sends dead letters through the route again; each goes only when the target has confirmed it.'),
    act('discard', 'Removes dead letters for good.'),
  ]
}

function filterOf(
  { reason, olderThan, newerThan, limit }: Partial<Omit<Selection, 'ids'>>,
  ids: readonly string[] | undefined,
): DeadLetterFilter {
  if (reason !== undefined && !(reason in ERRORS))
    throw new Refusal('INVALID_REQUEST', `there is no error code ${reason}`)
  const filter = {
    reasons: reason === undefined ? undefined : [reason],
    ids,
    olderThanMs: olderThan === undefined ? undefined : milliseconds(olderThan),
    newerThanMs: newerThan === undefined ? undefined : milliseconds(newerThan),
    limit,
  }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}

import { setTimeout as sleep } from 'node:timers/promises'
import { abortable } from '../../src/core/waiting.ts'
import { killGateway, restartRabbit } from './accidents.ts'
import { type DemoOptions, numeral } from './options.ts'
import { type Letter, readLetters } from './rabbit.ts'
import { report } from './report.ts'
import type { Screen } from './screen.ts'
import { numberOf } from './shop.ts'
import { type Brokers, PLACES, Stage, Stillness } from './stage.ts'
import { broken } from './tally.ts'

/** How long nothing may move at the end before the demo stops waiting and counts what there is, in ms. */
const PATIENCE = 30_000

/** Runs the show on these brokers; resolves to whether the promise was kept. Rejects where the gateway ends by itself. */
export async function show(
  options: DemoOptions,
  brokers: Brokers,
  screen: Screen,
  interrupted: AbortSignal,
): Promise<boolean> {
  await using stage = new Stage(options, brokers, screen, interrupted)
  try {
    // Whatever hangs: nothing that the show waits for may keep it from ending.
    return await abortable(play(stage, options), stage.signal)
  } catch (error) {
    // Whatever was being waited for says only that it was aborted.
    throw stage.signal.aborted ? stage.signal.reason : error
  }
}

async function play(stage: Stage, { rate }: DemoOptions): Promise<boolean> {
  const { screen, book, shop, tally } = stage
  await stage.open()
  const what = `${numeral(book.count)} orders of ${numeral(book.users)} users, ${numeral(rate)} a second`
  screen.event('note', `The shop publishes ${what}`)
  screen.progress(() => stage.progress())
  const publishing = shop.run(stage.signal)
  // Whoever awaits it later sees the failure; until then it is no unhandled one.
  publishing.catch(() => {})
  await killGateway(stage)
  await restartRabbit(stage)
  await publishing
  await drain(stage)
  screen.waiting('Reading back from Kafka and the dead-letter queue')
  const code = await stage.close()
  for (const { messageId, reason } of await letters(stage, PLACES.deadQueue))
    tally.deadLetter(numberOf(messageId), reason)
  for (const { messageId } of await letters(stage, PLACES.largeQueue)) tally.cameBack(numberOf(messageId))
  screen.rest()
  screen.event(code === 0 ? 'good' : 'bad', `The gateway has finished and ended with ${code}`)
  screen.line()
  screen.line(screen.paint.bold('Read back from Kafka and the dead-letter queue'))
  screen.line()
  const totals = tally.totals()
  const facts = { wanted: book.count, users: book.users, again: shop.again, ...PLACES }
  for (const line of report(totals, facts, screen.paint)) screen.line(line)
  return code === 0 && broken(totals, book.count).length === 0
}

/** Resolves when all that was published has arrived, or when nothing moves any more. */
async function drain(stage: Stage): Promise<void> {
  const { book, tally, watch, screen } = stage
  const good = book.amount('good')
  const { large } = book
  const stillness = new Stillness()
  let position: (number | undefined)[] = []
  while (stillness.of(position) < PATIENCE) {
    const waiting = (await watch.look(PLACES.queue))?.messages
    const back = (await watch.look(PLACES.largeQueue))?.messages ?? 0
    const all = tally.delivered === good && waiting === 0 && back >= large
    // Some of them may have come twice, or may be of an earlier run.
    if (all && new Set((await letters(stage, PLACES.largeQueue)).map(letter => letter.messageId)).size === large) return
    position = [tally.delivered, waiting, back]
    await sleep(100, undefined, { signal: stage.signal })
  }
  screen.event('bad', stage.stuck(PATIENCE))
}

/** The messages of this run in a queue. */
async function letters({ brokers, book, signal }: Stage, queue: string): Promise<readonly Letter[]> {
  const all = await readLetters(brokers.rabbitmq.url, queue, signal)
  return all.filter(({ messageId }) => messageId.startsWith(`${book.run}-`))
}

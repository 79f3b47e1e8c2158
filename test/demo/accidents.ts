import { setTimeout as sleep } from 'node:timers/promises'
import { numeral } from './options.ts'
import { PLACES, type Stage } from './stage.ts'

/** How long the gateway stays dead, so that one sees the lag grow, in ms. */
const DEAD_TIME = 1_000

/** Half-way: SIGKILL to the gateway, and a new one. */
export async function killGateway(stage: Stage): Promise<void> {
  const { book, shop, gateway, screen, tally } = stage
  // The rest is for the restart of RabbitMQ, however fast the shop is.
  shop.holdAt(Math.floor(book.count * 0.9))
  await stage.until(() => shop.confirmed >= book.count / 2)
  const { pid } = gateway
  stage.breaking = '✖ GATEWAY KILLED'
  await gateway.kill()
  screen.event('bad', `SIGKILL to the gateway (pid ${pid}), in the middle of its work`)
  await sleep(DEAD_TIME, undefined, { signal: stage.signal })
  stage.breaking = 'GATEWAY STARTING'
  await stage.startGateway()
  stage.breaking = undefined
  screen.event('good', `The gateway is back (pid ${gateway.pid}); ${numeral(tally.lag)} orders wait for it`)
}

/** Once the gateway has found its feet: a restart of RabbitMQ under the shop and the gateway, where it is ours. */
export async function restartRabbit(stage: Stage): Promise<void> {
  const { book, shop, screen, tally, watch, brokers } = stage
  const { restart, origin } = brokers.rabbitmq
  if (restart === undefined) {
    screen.event('note', `RabbitMQ is not restarted: it is yours (${origin})`)
    return shop.holdAt(book.count)
  }
  const recovered = tally.delivered + book.count * 0.05
  await stage.until(() => shop.confirmed >= book.count * 0.75 && tally.delivered >= recovered)
  stage.breaking = '✖ RABBITMQ DOWN'
  screen.event('bad', 'RabbitMQ is being restarted, while the shop publishes')
  const before = screen.seconds
  const again = shop.again
  shop.holdAt(book.count)
  await restart()
  await watch.consumed(PLACES.queue, stage.signal)
  stage.breaking = undefined
  const twice = shop.again === again ? '' : `; the shop sends ${numeral(shop.again - again)} orders again`
  screen.event('good', `RabbitMQ is back after ${(screen.seconds - before).toFixed(1)} s${twice}`)
}

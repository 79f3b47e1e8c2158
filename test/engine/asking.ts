import { SluiceError } from '../../src/core/errors.ts'
import type { Plugin } from '../../src/core/ports.ts'
import type { Gateway } from '../../src/engine/gateway.ts'
import type { RequestStatus } from '../../src/engine/request-metrics.ts'
import { type Lab, route, until } from './lab.ts'
import type { Responder } from './parties.ts'

/** Gateways with a route that bridges requests, and their end. */
export class Asking {
  #running: { readonly gateway: Gateway; kill(): Promise<void> }[] = []

  start(lab: Lab, changes: Parameters<typeof route>[0] = {}): Gateway {
    const running = lab.start([route({ reply: { timeout: '5s' }, deadLetter: undefined, ...changes })])
    this.#running.push(running)
    return running.gateway
  }

  async killLast(): Promise<void> {
    await this.#running.pop()!.kill()
  }

  async end(): Promise<void> {
    for (const { kill } of this.#running.splice(0)) await kill()
  }
}

export const counts = (gateway: Gateway): RequestStatus => gateway.status[0]!.requests!

/** Addresses of inboxes that requests named. */
export const inboxes = (responder: Responder): ReadonlySet<unknown> =>
  new Set(responder.asked.map(({ replyTo }) => replyTo))

/** Refuses `bad…`, drops `drop…`. */
export const picky: Plugin = {
  name: 'picky',
  transforms: [
    {
      name: 'picky',
      schema: {} as never,
      create: () => message => {
        const body = String(message.body)
        if (body.startsWith('bad')) throw new SluiceError('VALIDATION_FAILED', 'it is bad')
        return body.startsWith('drop') ? undefined : message
      },
    },
  ],
}
export const PICKY = { transform: [{ name: 'picky', options: {}, timeout: '10s' }] }

export async function answered(gateway: Gateway, count: number): Promise<void> {
  await until(`${count} are answered`, () => counts(gateway).answered === count)
}

/** Everything is settled. */
export async function calm(lab: Lab, gateway: Gateway): Promise<void> {
  await until('all is settled', () => gateway.status[0]!.inFlight === 0 && lab.here.unsettled('in') === 0)
}

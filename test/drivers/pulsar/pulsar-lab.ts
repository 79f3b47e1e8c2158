import { randomUUID } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { pulsar } from '../../../src/drivers/pulsar/driver.ts'
import { pulsarTestbed } from '../../../src/drivers/pulsar/testbed.ts'
import { given } from '../../brokers/given.ts'
import { callPulsar } from '../../brokers/pulsar-admin.ts'
import { Lab } from '../../conformance/lab.ts'

/** A lab on the shared Pulsar, or at `url`; closed when the test is over. */
export function pulsarLab(url = given('pulsar').url): Lab {
  const lab = new Lab(pulsar, pulsarTestbed({ label: 'pulsar', url, closedPort: 1 }), 'pulsar')
  onTestFinished(() => lab[Symbol.asyncDispose]())
  return lab
}

export function topicName(): string {
  return `sluice.test.${randomUUID()}`
}

interface Stats {
  readonly subscriptions: Readonly<
    Record<string, { readonly msgBacklog: number; readonly consumers: readonly { readonly consumerName: string }[] }>
  >
}

/** What the shared broker says about a topic. */
export async function statsOf(topic: string): Promise<Stats> {
  const path = `persistent/public/default/${topic}/stats?getPreciseBacklog=true`
  return (await callPulsar(given('pulsar'), 'GET', path)) as Stats
}

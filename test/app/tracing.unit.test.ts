import { afterEach, describe, expect, test, vi } from 'vitest'
import { openTracing, wantsTraces } from '../../src/app/tracing.ts'
import { Headers } from '../../src/core/headers.ts'
import type { Plugin } from '../../src/core/ports.ts'
import { Lab, Notes, route, until } from '../engine/lab.ts'
import { OtlpReceiver } from './otlp-receiver.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const traced = Headers.of({ traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=1', region: 'eu' })

const steps: Plugin = {
  name: 'steps',
  transforms: [
    {
      name: 'step',
      schema: {} as never,
      create: () => async one => {
        if (one.id.startsWith('poison')) throw new Error('secret body of the message')
        return one.id.startsWith('split') ? [one, one.with({ id: `${one.id}-2` })] : one
      },
    },
  ],
}

afterEach(() => vi.unstubAllEnvs())

/** Runs messages through a traced route, and answers what the collector got. */
async function run(send: (lab: Lab) => number, env: Record<string, string> = {}) {
  const receiver = await OtlpReceiver.open()
  for (const [name, value] of Object.entries({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, ...env }))
    vi.stubEnv(name, value)
  const tracing = await openTracing(process.env, new Notes())
  const lab = new Lab({ plugins: [steps], ...(tracing && { tracing }) })
  const { gateway } = lab.start([route({ transform: [{ name: 'step', options: {}, timeout: '30s' }] })])
  const count = send(lab)
  await until('all are through', () => lab.stored().length + lab.stored('dead').length >= count)
  await gateway.stop(5_000)
  await tracing?.[Symbol.asyncDispose]()
  return { lab, receiver, spans: receiver.spans, out: lab.there.contents('out') }
}

describe('traces', () => {
  test('go on from what a message brings to what is published: a span per hop and step', async () => {
    const { receiver, spans, out } = await run(lab => {
      lab.send({ id: 'm1', headers: traced })
      return 1
    })
    expect([...receiver.paths]).toEqual(['POST /v1/traces'])
    const [process, transform, send] = ['process in', 'transform orders', 'send out'].map(
      name => spans.find(span => span.name === name)!,
    )
    expect(spans).toHaveLength(3)
    expect(spans.every(({ traceId, service }) => traceId === TRACE && service === 'sluice')).toBe(true)
    expect([process!.parentSpanId, transform!.parentSpanId, send!.parentSpanId]).toEqual([
      PARENT,
      process!.spanId,
      process!.spanId,
    ])
    // OTLP's numbers: internal 1, producer 4, consumer 5.
    expect([process!.kind, transform!.kind, send!.kind]).toEqual([5, 1, 4])
    expect(process!.attributes).toMatchObject({
      'messaging.system': 'from',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'in',
      'messaging.message.id': 'm1',
      'sluice.route': 'orders',
      'sluice.outcome': 'delivered',
    })
    expect(send!.attributes).toMatchObject({
      'messaging.system': 'to',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'out',
    })
    const headers = out[0]!.headers.view
    expect(headers).toMatchObject({
      traceparent: `00-${TRACE}-${send!.spanId}-01`,
      tracestate: 'vendor=1',
      region: 'eu',
    })
  })

  test('begin where a message brings none, one for each; each part of a split message has its own span', async () => {
    const { spans, out } = await run(lab => {
      lab.send({ id: 'm1' })
      lab.send({ id: 'split' })
      return 3
    })
    const processes = spans.filter(({ kind }) => kind === 5)
    const sends = spans.filter(({ kind }) => kind === 4)
    expect(new Set(processes.map(({ traceId }) => traceId)).size).toBe(2)
    expect(sends).toHaveLength(3)
    const parents = out.map(({ headers }) => String(headers.get('traceparent')).split('-')[2])
    expect(new Set(parents)).toEqual(new Set(sends.map(({ spanId }) => spanId)))
  })

  test('name the code of what failed and nothing else of it; the dead letter is as it was received', async () => {
    const { lab, spans } = await run(lab => {
      lab.send({ id: 'poison', headers: traced })
      return 1
    })
    const process = spans.find(({ name }) => name === 'process in')!
    expect(process.status).toEqual({ code: 2, message: 'TRANSFORM_FAILED' })
    expect(process.attributes).toMatchObject({ 'error.type': 'TRANSFORM_FAILED', 'sluice.outcome': 'dead-lettered' })
    expect(JSON.stringify(spans)).not.toContain('secret body')
    expect(lab.there.contents('dead')[0]!.headers.get('traceparent')).toBe(`00-${TRACE}-${PARENT}-01`)
  })

  test('are sampled as the environment says, and go on unsampled', async () => {
    const { spans, out } = await run(
      lab => {
        lab.send({ id: 'm1' })
        return 1
      },
      { OTEL_TRACES_SAMPLER: 'always_off' },
    )
    expect(spans).toEqual([])
    expect(out[0]!.headers.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  })

  test('off: what a message brings passes through as it is', async () => {
    const { spans, out } = await run(
      lab => {
        lab.send({ id: 'm1', headers: traced })
        return 1
      },
      { OTEL_SDK_DISABLED: 'true' },
    )
    expect(spans).toEqual([])
    expect(out[0]!.headers.get('traceparent')).toBe(`00-${TRACE}-${PARENT}-01`)
  })

  test('a collector that is away holds up nothing', async () => {
    const { out } = await run(
      lab => {
        lab.send({ id: 'm1' })
        return 1
      },
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_EXPORTER_OTLP_TIMEOUT: '500' },
    )
    expect(out).toHaveLength(1)
  })
})

test.each([
  [{}, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://x:4318/v1/traces' }, true],
  [{ OTEL_TRACES_EXPORTER: 'otlp' }, true],
  [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x' }, false],
  [{ OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'otlp' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
])('the environment %j asks for traces: %s', (env, wanted) => {
  expect(wantsTraces(env)).toBe(wanted)
})

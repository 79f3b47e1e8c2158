import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly status: { readonly code?: number; readonly message?: string }
  readonly attributes: Readonly<Record<string, unknown>>
  readonly events: readonly { readonly name: string }[]
  /** Of the resource. */
  readonly service: unknown
}

interface Attribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

/** A collector that keeps the spans it gets by OTLP over HTTP; gone after the test. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = []
  readonly paths = new Set<string>()
  readonly url: string

  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}`
  }

  static async open(): Promise<OtlpReceiver> {
    const server = createServer((request, response) => {
      let text = ''
      request.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      request.on('end', () => {
        receiver.paths.add(`${request.method} ${request.url}`)
        receiver.#take(JSON.parse(text))
        response.setHeader('content-type', 'application/json').end('{}')
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const receiver = new OtlpReceiver((server.address() as AddressInfo).port)
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return receiver
  }

  #take(body: unknown): void {
    const { resourceSpans } = body as {
      resourceSpans: {
        resource: { attributes: Attribute[] }
        scopeSpans: { spans: (ReceivedSpan & { attributes: unknown })[] }[]
      }[]
    }
    for (const { resource, scopeSpans } of resourceSpans)
      for (const span of scopeSpans.flatMap(({ spans }) => spans))
        this.spans.push({
          ...span,
          attributes: record(span.attributes as unknown as Attribute[]),
          service: record(resource.attributes)['service.name'],
        })
  }
}

const record = (attributes: readonly Attribute[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

import { describe } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import { within } from '../engine/patience.ts'
import type { Tracing } from '../engine/tracing.ts'
import { version } from './version.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** How long the last spans may take to get out, in ms: a collector that is away must not hold up the end. */
const FLUSH_MS = 5_000
const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] as const

export interface OpenTracing extends Tracing, AsyncDisposable {}

/** Whether the environment asks for traces, in the words of OpenTelemetry's SDKs. */
export function wantsTraces(env: Environment): boolean {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return false
  const exporter = env['OTEL_TRACES_EXPORTER']
  if (exporter !== undefined && exporter !== '') return exporter.split(',').includes('otlp')
  return ENDPOINTS.some(name => env[name] !== undefined && env[name] !== '')
}

/**
 * The SDK as its environment variables say (OTEL_EXPORTER_OTLP_…, OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME, …), exporting
 * OTLP over HTTP; undefined where nothing asks for it, and then nothing of it is loaded. Also undefined, with a warning, where
 * its packages, which are optional, are not installed: messages go on without traces.
 */
export async function openTracing(env: Environment, log: Log): Promise<OpenTracing | undefined> {
  if (!wantsTraces(env)) return undefined
  const loaded = await load(log)
  if (loaded === undefined) return undefined
  const { core, resources, sdk, exporter } = loaded
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL']
  if (protocol !== undefined && protocol !== '' && protocol !== 'http/json')
    log.warn({ protocol }, 'traces are exported by OTLP over HTTP as JSON (http/json), whatever the protocol asked for')
  const provider = new sdk.BasicTracerProvider({
    resource: resources
      .resourceFromAttributes({ 'service.name': 'sluice', 'service.version': version() })
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    spanProcessors: [new sdk.BatchSpanProcessor(new exporter.OTLPTraceExporter())],
  })
  return {
    tracer: provider.getTracer('sluice', version()),
    propagator: new core.W3CTraceContextPropagator(),
    async [Symbol.asyncDispose]() {
      try {
        await within(provider.shutdown(), { ms: FLUSH_MS, what: 'exporting the last spans' })
      } catch (error) {
        log.warn({}, `traces: ${describe(error)}`)
      }
    },
  }
}

const PACKAGES = ['core', 'resources', 'sdk-trace-base', 'exporter-trace-otlp-http'].map(
  name => `@opentelemetry/${name}`,
)

async function load(log: Log) {
  try {
    const [core, resources, sdk, exporter] = await Promise.all([
      import('@opentelemetry/core'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/exporter-trace-otlp-http'),
    ])
    return { core, resources, sdk, exporter }
  } catch (error) {
    const hint = `Run \`npm install ${PACKAGES.join(' ')}\`, or unset OTEL_TRACES_EXPORTER and OTEL_EXPORTER_OTLP_ENDPOINT.`
    log.warn(
      { reason: describe(error), hint },
      'traces are asked for, and the packages for them are not installed: nothing is traced',
    )
    return undefined
  }
}

import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { type Result, run } from '../brokers/commands.ts'
import { folder } from '../cli/sluice.ts'
import { root } from './consumer.ts'
import { helm, kubeconform, kubernetesSchemas } from './tools.ts'

export const chart = join(root, 'deploy/helm/sluice')

/** What a test reads of a manifest; more is there. */
export interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
  readonly spec: Readonly<Record<string, unknown>>
  readonly data?: Readonly<Record<string, string>>
}

export type Values = Readonly<Record<string, unknown>>

/** The least that makes a release. */
export const MINIMAL: Values = {
  connections: {
    shop: { url: 'amqp://sluice:${env.RABBITMQ_PASSWORD}@rabbit:5672' },
    log: { url: 'kafka://kafka:9092' },
  },
  routes: {
    orders: {
      from: { connection: 'shop', queue: 'orders' },
      to: { connection: 'log', topic: 'orders', key: '${headers.user_id}' },
    },
  },
}

/** `helm COMMAND … chart --values` with these values on top of the minimal ones. */
export async function onChart(
  command: readonly string[],
  values: Values,
  base = MINIMAL,
  path = chart,
): Promise<Result> {
  const file = join(folder(), 'values.yaml')
  writeFileSync(file, stringify({ ...base, ...values }))
  // Nothing of the machine's own Helm: no plug-ins, no repositories, no cluster.
  const env = { ...process.env, HELM_CONFIG_HOME: folder(), HELM_CACHE_HOME: folder(), HELM_DATA_HOME: folder() }
  return run(await helm(), [...command, path, '--values', file], { env })
}

/** The text of all manifests; throws what Helm refuses. */
export async function template(values: Values, base = MINIMAL): Promise<string> {
  const { code, output } = await onChart(['template', 'shop', '--namespace', 'messaging'], values, base)
  if (code !== 0) throw new Error(output)
  return output
}

/** What Helm tells after an installation: without a cluster it can only be made part of a manifest. */
export async function notes(values: Values): Promise<string> {
  const copy = join(folder(), 'sluice')
  cpSync(chart, copy, { recursive: true })
  writeFileSync(join(copy, 'templates/notes.yaml'), 'text: {{ include "sluice.notes" . | quote }}\n')
  const args = ['template', 'shop', '--namespace', 'messaging', '--show-only', 'templates/notes.yaml']
  const { code, output } = await onChart(args, values, MINIMAL, copy)
  if (code !== 0) throw new Error(output)
  return (parse(output) as { text: string }).text
}

export function manifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map(document => document.toJS() as Manifest | null)
    .filter(manifest => manifest !== null)
}

/** What a schema of this version of Kubernetes, or of test/deploy/crds, refuses; empty when nothing. */
export async function refusals(text: string, version: string): Promise<string> {
  const file = join(folder(), 'manifests.yaml')
  writeFileSync(file, text)
  const own = join(await kubernetesSchemas(version), '{{.ResourceKind}}{{.KindSuffix}}.json')
  const custom = join(root, 'test/deploy/crds/{{.ResourceKind}}.json')
  const args = ['-strict', '-summary', '-schema-location', own, '-schema-location', custom, file]
  const { code, output } = await run(await kubeconform(), args)
  return code === 0 && /Invalid: 0, Errors: 0, Skipped: 0/.test(output) ? '' : output
}

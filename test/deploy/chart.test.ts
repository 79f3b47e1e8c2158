import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { command, folder } from '../cli/sluice.ts'
import { chart, type Manifest, MINIMAL, manifests, notes, onChart, refusals, template, type Values } from './chart.ts'
import { readRules } from './observability.ts'

const MATRIX: readonly [what: string, values: Values, kinds: readonly string[]][] = [
  ['nothing but routes', {}, ['ConfigMap', 'Deployment', 'Secret', 'Service', 'ServiceAccount']],
  [
    'a volume',
    { persistence: { enabled: true, storageClass: 'fast' } },
    ['ConfigMap', 'Secret', 'Service', 'Service', 'ServiceAccount', 'StatefulSet'],
  ],
  [
    'a configuration and secrets of somebody else',
    {
      connections: {},
      routes: {},
      existingConfigMap: 'bridge',
      secrets: { env: ['brokers', 'more'], files: ['kafka-tls'] },
      admin: { existingSecret: 'admin', key: 'bearer' },
      serviceAccount: { create: false, name: 'bridge' },
    },
    ['Deployment', 'Service'],
  ],
  [
    'many replicas, watched and walled in',
    {
      replicas: 3,
      networkPolicy: {
        enabled: true,
        from: [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }],
        egress: [{ ports: [{ protocol: 'TCP', port: 5672 }] }],
      },
      serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
      prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
      grafanaDashboard: { enabled: true },
      files: { 'schemas/order.json': '{"type":"object"}', 'plugins/mask-card.ts': 'export default {}\n' },
      env: [{ name: 'REGION', value: 'eu' }],
      podLabels: { team: 'shop' },
      podAnnotations: { note: 'x' },
      imagePullSecrets: [{ name: 'registry' }],
      priorityClassName: 'high',
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ key: 'messaging', operator: 'Exists' }],
      affinity: { podAntiAffinity: {} },
    },
    [
      ...['ConfigMap', 'ConfigMap', 'Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'PrometheusRule'],
      ...['Secret', 'Service', 'ServiceAccount', 'ServiceMonitor'],
    ],
  ],
  [
    'scaled by CPU',
    { autoscaling: { enabled: true, minReplicas: 2 } },
    [
      ...['ConfigMap', 'Deployment', 'HorizontalPodAutoscaler', 'PodDisruptionBudget', 'Secret'],
      ...['Service', 'ServiceAccount'],
    ],
  ],
  [
    'scaled by lag, with a volume',
    { keda: { enabled: true, prometheus: 'http://prometheus:9090' }, persistence: { enabled: true } },
    [
      ...['ConfigMap', 'PodDisruptionBudget', 'ScaledObject', 'Secret', 'Service', 'Service'],
      ...['ServiceAccount', 'StatefulSet'],
    ],
  ],
]

describe.each(MATRIX)('the chart with %s', (_what, values, kinds) => {
  test('passes helm lint', async () => {
    const { code, output } = await onChart(['lint', '--strict'], values)
    expect(code, output).toBe(0)
  })

  test('makes what belongs to it', async () => {
    const found = manifests(await template(values)).map(({ kind }) => kind)
    expect(found.toSorted()).toEqual(kinds)
  })
})

test.each(['1.27.0', '1.31.0', '1.37.0'])('all manifests are what Kubernetes %s takes', async version => {
  const texts = await Promise.all(MATRIX.map(([, values]) => template(values)))
  expect(await refusals(texts.join('\n---\n'), version)).toBe('')
})

test('the schemas refuse a manifest with a field that means nothing', async () => {
  const text = await template({ serviceMonitor: { enabled: true } })
  expect(await refusals(text.replace('automountServiceAccountToken', 'automountToken'), '1.31.0')).toContain(
    'automount',
  )
  expect(await refusals(text.replace('interval: 15s', 'intervall: 15s'), '1.31.0')).toContain('intervall')
})

describe('the values', () => {
  test.each<[what: string, values: Values, why: RegExp]>([
    ['a key that means nothing', { replica: 3 }, /replica/],
    ['a wrong type', { replicas: 'three' }, /replicas/],
    ['a route without an end', { routes: { orders: { from: { connection: 'shop' } } } }, /to/],
    ['what the chart sets itself', { options: { shutdown: { drain: '5s' } } }, /options/],
    ['a file outside of the folder', { files: { '../x': '' } }, /'\.\.\/x' does not match/],
    [
      'two ways to scale',
      { autoscaling: { enabled: true }, keda: { enabled: true, prometheus: 'http://p' } },
      /exclude/,
    ],
    ['lag that nobody measures', { keda: { enabled: true } }, /keda\.prometheus/],
    ['two configurations', { existingConfigMap: 'x' }, /one place/],
    ['nothing to carry', { routes: {} }, /nothing to carry/],
  ])('refuse %s', async (_what, values, why) => {
    await expect(template(values)).rejects.toThrow(why)
  })

  test('have all their defaults in values.yaml, and a word in the schema for each', () => {
    const read = (name: string) => parse(readFileSync(join(chart, name), 'utf8')) as Record<string, unknown>
    const schema = read('values.schema.json') as { properties: Record<string, unknown> }
    expect(Object.keys(schema.properties).toSorted()).toEqual(
      [...Object.keys(read('values.yaml')), 'global'].toSorted(),
    )
  })
})

interface Pod {
  readonly terminationGracePeriodSeconds: number
  readonly automountServiceAccountToken: boolean
  readonly securityContext: object
  readonly containers: readonly {
    readonly securityContext: object
    readonly env: readonly object[]
    readonly envFrom?: readonly object[]
    readonly volumeMounts: readonly { readonly mountPath: string; readonly subPath?: string; readonly name: string }[]
  }[]
  readonly volumes: readonly { readonly name: string; readonly configMap?: { items?: { path: string }[] } }[]
}
const only = (all: readonly Manifest[], kind: string) => all.find(one => one.kind === kind)!
const podOf = (all: readonly Manifest[], kind = 'Deployment') =>
  (only(all, kind).spec['template'] as { spec: Pod; metadata: { labels: object } }).spec

describe('the pod', () => {
  test('is given more time to stop than what is in flight', async () => {
    const all = manifests(await template({ drainSeconds: 120 }))
    expect(podOf(all).terminationGracePeriodSeconds).toBeGreaterThan(120)
    expect(parse(only(all, 'ConfigMap').data!['routes.yaml']!)).toMatchObject({ shutdown: { drain: '120s' } })
  })

  test('may do nothing to its node or its cluster', async () => {
    const pod = podOf(manifests(await template({})))
    expect(pod.automountServiceAccountToken).toBe(false)
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
    expect(pod.containers[0]!.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  })

  test('gets Secrets as variables and as files, and the token of the admin API from the one that is named', async () => {
    const secrets = { env: ['brokers'], files: ['kafka-tls'] }
    const pod = podOf(manifests(await template({ secrets, admin: { existingSecret: 'admin', key: 'bearer' } })))
    const [container] = pod.containers
    expect(container!.envFrom).toEqual([{ secretRef: { name: 'brokers' } }])
    expect(container!.env).toContainEqual({
      name: 'SLUICE_ADMIN_TOKEN',
      valueFrom: { secretKeyRef: { name: 'admin', key: 'bearer' } },
    })
    const mount = container!.volumeMounts.find(({ mountPath }) => mountPath === '/run/secrets/kafka-tls')!
    expect(pod.volumes.find(({ name }) => name === mount.name)).toMatchObject({ secret: { secretName: 'kafka-tls' } })
  })

  test('sees a changed ConfigMap: it is mounted as a folder', async () => {
    const all = manifests(await template({ files: { 'schemas/order.json': '{}' } }))
    const pod = podOf(all)
    const mounts = pod.containers[0]!.volumeMounts
    expect(mounts.filter(mount => mount.subPath !== undefined)).toEqual([])
    expect(mounts).toContainEqual({ name: 'config', mountPath: '/etc/sluice', readOnly: true })
    const items = pod.volumes.find(({ name }) => name === 'config')!.configMap!.items!
    expect(items.map(({ path }) => path)).toEqual(['routes.yaml', 'schemas/order.json'])
  })
})

test('what belongs together finds itself by labels', async () => {
  const all = manifests(
    await template({ replicas: 2, serviceMonitor: { enabled: true }, persistence: { enabled: true } }),
  )
  const { spec } = only(all, 'StatefulSet')
  const { labels } = (spec['template'] as { metadata: { labels: Record<string, string> } }).metadata
  const services = all.filter(({ kind }) => kind === 'Service')
  for (const selector of [
    ...services.map(service => service.spec['selector']),
    (only(all, 'PodDisruptionBudget').spec['selector'] as { matchLabels: object }).matchLabels,
    (spec['selector'] as { matchLabels: object }).matchLabels,
  ])
    expect(labels).toMatchObject(selector as object)
  const monitor = only(all, 'ServiceMonitor').spec['selector'] as { matchLabels: object }
  expect(services[0]!.metadata.labels).toMatchObject(monitor.matchLabels)
  expect(services.map(({ metadata }) => metadata.labels!['app.kubernetes.io/component'])).toEqual([
    undefined,
    'headless',
  ])
  expect(spec['serviceName']).toBe(services[1]!.metadata.name)
})

test.each(['autoscaling', 'keda'])('%s scales what there is, and nothing else says how many there are', async by => {
  const values = {
    [by]: { enabled: true, ...(by === 'keda' && { prometheus: 'http://prometheus:9090', lag: 2_000_000 }) },
  }
  for (const [enabled, kind] of [[false, 'Deployment'] as const, [true, 'StatefulSet'] as const]) {
    const all = manifests(await template({ ...values, persistence: { enabled } }))
    const { metadata, spec } = only(all, kind)
    expect(spec).not.toHaveProperty('replicas')
    const scaler = only(all, by === 'keda' ? 'ScaledObject' : 'HorizontalPodAutoscaler').spec
    expect(scaler['scaleTargetRef']).toEqual({ apiVersion: 'apps/v1', kind, name: metadata.name })
    if (by === 'keda') expect(scaler['triggers']).toMatchObject([{ metadata: { threshold: '2000000' } }])
  }
})

test('the configuration it writes can be used', async () => {
  const text = only(manifests(await template({ options: { memory: '64MiB', slow: '2s' } })), 'ConfigMap').data!
  const env = { RABBITMQ_PASSWORD: 'x', SLUICE_ADMIN_TOKEN: 'a-token-of-the-admin-api' }
  const { code, output } = await command(['check'], folder({ 'routes.yaml': text['routes.yaml']! }), env)
  expect(code, output).toBe(0)
})

describe('the PrometheusRule', () => {
  const source = readFileSync(join(chart, 'files/alerts.yaml'), 'utf8')
  const rulesOf = async (prometheusRule: object) => {
    const all = manifests(await template({ prometheusRule: { enabled: true, ...prometheusRule } }))
    return (only(all, 'PrometheusRule').spec as { groups: { rules: ReturnType<typeof readRules> }[] }).groups[0]!.rules
  }

  test('has the rules of deploy/prometheus, word for word', async () => {
    expect(await rulesOf({})).toEqual(readRules(source))
  })

  test('can leave some out, change some, and say where the run-book is', async () => {
    const overrides = { SluiceLagHigh: { expr: 'sluice_source_lag > 5', for: '1h' } }
    const rules = await rulesOf({ disabled: ['SluiceSlow'], overrides, runbookPrefix: 'https://example.org/' })
    const lag = rules.find(({ alert }) => alert === 'SluiceLagHigh')!
    expect(rules.map(({ alert }) => alert)).not.toContain('SluiceSlow')
    expect(lag).toMatchObject({ expr: 'sluice_source_lag > 5', for: '1h', labels: { severity: 'warning' } })
    expect(lag.annotations['runbook_url']).toBe('https://example.org/docs/operations.md#sluicelaghigh')
    expect(lag.annotations['summary']).toContain('{{ $labels.route }}')
  })
})

test('the notes say what to do next, and warn of what is kept in a pod that goes', async () => {
  expect(await notes({})).toMatch(/carries 1 route\. Next:[\s\S]*rollout status deployment\/shop-sluice[\s\S]*\/readyz/)
  const { orders } = MINIMAL['routes'] as { orders: object }
  const warned = async (more: object, values: Values = {}) =>
    (await notes({ routes: { orders: { ...orders, ...more } }, ...values })).includes('WARNING')
  const dedup = (store: string) => ({ dedup: { by: '${id}', window: '10m', store } })
  expect(await warned({})).toBe(false)
  expect(await warned(dedup('memory'))).toBe(false)
  expect(await warned(dedup('file'))).toBe(true)
  expect(await warned({ dedup: { by: '${id}', window: '10m' } })).toBe(true)
  expect(await warned(dedup('file'), { persistence: { enabled: true } })).toBe(false)
  expect(await warned({ transform: [{ filter: '${true}' }, { window: { every: '1m' } }] })).toBe(true)
  expect(await warned({ transform: [{ window: { every: '1m', store: 'memory' } }] })).toBe(false)
})

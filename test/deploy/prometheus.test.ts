import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { must } from '../brokers/commands.ts'
import { folder, Sluice } from '../cli/sluice.ts'
import { root } from './consumer.ts'
import { metricsOf, readRules, runbook, SUFFIXES } from './observability.ts'
import { promtool } from './tools.ts'

const deploy = join(root, 'deploy')
const BOUNDED = ['route', 'reason', 'closed', 'outcome', 'le']
const read = (path: string) => readFileSync(join(deploy, path), 'utf8')

interface Dashboard {
  readonly panels: readonly {
    readonly id: number
    readonly type: string
    readonly datasource?: { readonly uid: string }
    readonly targets?: readonly { readonly expr: string }[]
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  }[]
  readonly templating: { readonly list: readonly { readonly name: string }[] }
}

interface AlertTest {
  readonly tests: readonly {
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts?: readonly object[] }[]
  }[]
}

describe('the alert rules', () => {
  const rules = readRules(read('prometheus/alerts.yaml'))

  test('are rules that Prometheus takes, and fire when they should', async () => {
    const cwd = join(deploy, 'prometheus')
    const tool = await promtool()
    await must('promtool refuses the rules', tool, ['check', 'rules', 'alerts.yaml'], { cwd })
    await must('an alert does not what its test says', tool, ['test', 'rules', 'alerts.test.yaml'], { cwd })
  })

  test('each has a test in which it fires, and one in which it does not', () => {
    const cases = (parse(read('prometheus/alerts.test.yaml')) as AlertTest).tests.flatMap(one => one.alert_rule_test)
    const names = rules.map(rule => rule.alert)
    expect(names.length).toBeGreaterThan(5)
    const fires = (name: string, yes: boolean) =>
      cases.some(({ alertname, exp_alerts = [] }) => alertname === name && exp_alerts.length > 0 === yes)
    expect(names.filter(name => !(fires(name, true) && fires(name, false)))).toEqual([])
  })

  test('each says where the run-book has what to do', () => {
    const headings = runbook(root)
    for (const { alert, annotations } of rules) {
      expect(annotations['runbook_url']).toBe(`docs/operations.md#${alert.toLowerCase()}`)
      expect(headings).toContain(alert)
    }
  })

  test('are the same in the Helm chart', () => {
    expect(read('helm/sluice/files/alerts.yaml'), 'run `npm run docs`').toBe(read('prometheus/alerts.yaml'))
  })
})

test('the run-book has each state of a route', () => {
  const conditions = readFileSync(join(root, 'src/engine/conditions.ts'), 'utf8')
  const states = [...(/type RouteState =([^\n]+)/.exec(conditions)?.[1] ?? '').matchAll(/'(\w+)'/g)]
  expect(states.length).toBeGreaterThan(5)
  expect(runbook(root)).toEqual(expect.arrayContaining(states.map(([, state]) => state)))
})

describe('the dashboard', () => {
  const { panels, templating } = JSON.parse(read('grafana/sluice.json')) as Dashboard
  const drawn = panels.filter(({ type }) => type !== 'row')

  test('asks what Prometheus understands', async () => {
    const exprs = drawn.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    expect(exprs.length).toBeGreaterThan(20)
    const rules = exprs.map((expr, i) => ({ record: `panel:${i}`, expr: expr.replaceAll('$__rate_interval', '1m') }))
    const file = join(folder({ 'rules.yaml': stringify({ groups: [{ name: 'dashboard', rules }] }) }), 'rules.yaml')
    await must('promtool refuses the dashboard', await promtool(), ['check', 'rules', file])
  })

  test('uses the variables it has, one source of data, and no place twice', () => {
    const names = templating.list.map(({ name }) => name)
    const used = new Set([...JSON.stringify(panels).matchAll(/\$\{?([a-z][a-z_]*)/g)].map(([, name]) => name))
    expect([...used].toSorted()).toEqual(names.toSorted())
    expect(new Set(drawn.map(({ datasource }) => datasource?.uid))).toEqual(new Set(['${datasource}']))
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
  })

  test('is the same in the Helm chart', () => {
    expect(read('helm/sluice/files/sluice.json'), 'run `npm run docs`').toBe(read('grafana/sluice.json'))
  })
})

describe('the metrics of a running gateway', () => {
  test('are named as Prometheus wants it, and are all that rules and dashboard ask for', async () => {
    const text = await scrape()
    const file = join(folder({ 'metrics.txt': text }), 'metrics.txt')
    await must('promtool refuses the metrics', 'sh', ['-c', '"$1" check metrics <"$2"', 'sh', await promtool(), file])
    const known = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name, type]) =>
      type === 'histogram' ? SUFFIXES.map(suffix => name! + suffix) : [name!],
    )
    expect(known).toContain('sluice_settled_total')
    // None that grows with what passes through: a route's name, a code, a bucket.
    const labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map(([, label]) => label!))
    expect([...labels].filter(label => !BOUNDED.includes(label))).toEqual([])
    for (const source of ['prometheus/alerts.yaml', 'grafana/sluice.json']) {
      const named = metricsOf(read(source))
      expect(named.length).toBeGreaterThan(5)
      expect(
        named.filter(name => !known.includes(name)),
        source,
      ).toEqual([])
    }
  })
})

async function scrape(): Promise<string> {
  const routes = `version: 1
admin: { port: 0 }
connections: { a: { url: "memory://lab" } }
routes: { copy: { from: { connection: a, address: in }, to: { connection: a, address: out } } }
`
  const gateway = new Sluice(['run', '--log', 'json'], folder({ 'routes.yaml': routes }))
  onTestFinished(() => void gateway.process.kill('SIGKILL'))
  const [, url] = await gateway.saw(/"admin":"(http:[^"]+)"/)
  return (await fetch(`${url}/metrics`)).text()
}

import type { ReloadResult } from '../admin/reloading.ts'
import type { RouteView } from '../admin/route-schema.ts'
import type { Paint } from './paint.ts'
import { cut, oneLine } from './printable.ts'

export interface TopStatus {
  readonly at: string
  readonly version: string
  readonly routes: readonly RouteView[]
  readonly reload: ReloadResult | null
}

const COLUMNS: readonly (readonly [title: string, of: (route: RouteView) => string])[] = [
  ['IN/S', route => short(route.rates.received)],
  ['OUT/S', route => short(route.rates.settled)],
  ['P99', route => duration(route.latency.p99Ms)],
  ['LAG', route => short(route.lag)],
  ['IN FLIGHT', route => short(route.inFlight)],
  ['OLDEST', route => duration(route.oldestMs)],
  ['HELD', route => short(route.heldLanes)],
  ['DEAD', route => short(route.deadLettered)],
]

const COLOURS: Partial<Record<RouteView['state'], 'green' | 'yellow' | 'red'>> = {
  running: 'green',
  starting: 'yellow',
  holding: 'yellow',
  draining: 'yellow',
  blocked: 'red',
  stopped: 'red',
}

/** A status as lines of at most `width` characters: a head, a row per route, and why routes stand still. */
export function statusLines(
  { at, version, routes, reload }: TopStatus,
  url: string,
  paint: Paint,
  width = Number.POSITIVE_INFINITY,
): readonly string[] {
  const cells = routes.map(route => COLUMNS.map(([, of]) => of(route)))
  const widths = COLUMNS.map(([title], column) => Math.max(title.length, ...cells.map(row => row[column]!.length)))
  const right = (row: readonly string[]) => row.map((cell, column) => cell.padStart(widths[column]!)).join('  ')
  const stateWidth = Math.max('STATE'.length, ...routes.map(route => route.state.length))
  const rest = widths.reduce((sum, each) => sum + each + 2, stateWidth + 2)
  const longest = Math.max('ROUTE'.length, ...routes.map(route => route.name.length))
  const nameWidth = Math.min(longest, Math.max(8, width - rest))
  const name = (text: string) => cut(oneLine(text), nameWidth).padEnd(nameWidth)
  const lines = [
    paint.bold(cut(`${url}  ${at.slice(11, 19)} UTC  configuration ${version}  ${tally(routes)}`, width)),
    paint.dim(cut(`${name('ROUTE')}  ${'STATE'.padEnd(stateWidth)}  ${right(COLUMNS.map(([title]) => title))}`, width)),
  ]
  for (const [index, route] of routes.entries()) {
    const numbers = cut(right(cells[index]!), Math.max(0, width - nameWidth - stateWidth - 4))
    lines.push(
      `${name(route.name)}  ${paint[COLOURS[route.state] ?? 'dim'](route.state.padEnd(stateWidth))}  ${numbers}`,
    )
  }
  for (const { name, conditions } of routes)
    for (const { part, message } of conditions)
      lines.push(paint.yellow(cut(`${name}: ${part}: ${oneLine(message)}`, width)))
  if (reload?.ok === false)
    lines.push(
      paint.red(cut(`the last reload failed: ${oneLine(reload.error ?? reload.problems[0]?.message ?? '')}`, width)),
    )
  return lines
}

function tally(routes: readonly RouteView[]): string {
  const states = Object.entries(Object.groupBy(routes, route => route.state))
  return states.map(([state, some]) => `${some.length} ${state}`).join(', ') || 'no routes'
}

const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const short = (value: number | null): string => (value === null ? '–' : SHORT.format(value))

function duration(ms: number | null): string {
  if (ms === null) return '–'
  if (ms < 1_000) return `${Math.round(ms)}ms`
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)}s` : `${(ms / 60_000).toFixed(1)}m`
}

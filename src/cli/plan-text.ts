import type { Change, Plan } from '../config/plan.ts'
import type { Paint } from './paint.ts'

const COLOURS: Readonly<Record<Change['kind'], keyof Pick<Paint, 'red' | 'green' | 'yellow' | 'cyan'>>> = {
  stop: 'red',
  start: 'green',
  swap: 'cyan',
  restart: 'yellow',
}

/** A plan for a person: a line for each route, with the paths that changed and never their values. */
export function planText({ changes, process }: Plan, paint: Paint): string {
  const wide = Math.max(0, ...changes.map(change => change.route.length))
  const lines = changes.map(({ kind, route, paths }) => {
    const line = `  ${paint[COLOURS[kind]](kind.padEnd(8))} ${route.padEnd(wide)}  ${paint.dim(paths.join(', '))}`
    return line.trimEnd()
  })
  const head = changes.length === 0 ? 'No route changes.' : `${changes.length} of the routes change:`
  const late = process.length === 0 ? [] : [`Takes effect only when the gateway is started anew: ${process.join(', ')}`]
  return [head, ...lines, ...late].join('\n')
}

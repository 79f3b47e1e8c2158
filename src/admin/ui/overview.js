import { h, setText } from './dom.js'
import { count, duration, rate } from './format.js'
import { stateSign } from './state-sign.js'
import { topology } from './topology.js'

const COLUMNS = [
  ['In', route => rate(route.rates.received)],
  ['Out', route => rate(route.rates.settled)],
  ['p99', route => duration(route.latency.p99Ms)],
  ['Lag', route => count(route.lag)],
  ['In flight', route => count(route.inFlight)],
  ['Oldest', route => duration(route.oldestMs)],
  ['Held keys', route => count(route.heldLanes)],
  ['Dead', route => count(route.deadLettered)],
]

/** All routes: the picture and the table. */
export function overview() {
  const picture = h('div', {})
  const draw = topology(picture)
  const filter = h('input', { type: 'search', id: 'filter', autocomplete: 'off', oninput: () => shown() })
  const body = h('tbody', {})
  const rows = new Map()
  let routes = []

  const row = name => {
    const state = h('td', {})
    const why = h('p', { class: 'small soft' })
    const cells = COLUMNS.map(() => h('td', { class: 'number' }))
    const link = h('a', { href: `#/routes/${encodeURIComponent(name)}` }, name)
    const element = h('tr', {}, h('th', { scope: 'row' }, link), state, cells)
    let last
    return {
      element,
      update(route) {
        if (last !== route.state) state.replaceChildren(stateSign(route.state), why)
        last = route.state
        setText(why, route.conditions[0]?.message ?? '')
        why.hidden = route.conditions.length === 0
        for (const [index, [, of]] of COLUMNS.entries()) setText(cells[index], of(route))
      },
    }
  }

  function shown() {
    const wanted = filter.value.trim().toLowerCase()
    const text = route => [route.name, route.state, route.from.address, route.to.address].join(' ').toLowerCase()
    const chosen = routes.filter(route => text(route).includes(wanted))
    draw(chosen)
    const names = new Set(chosen.map(route => route.name))
    for (const [name, { element }] of rows) if (!names.has(name)) element.remove()
    chosen.forEach((route, index) => {
      if (!rows.has(route.name)) rows.set(route.name, row(route.name))
      const { element, update } = rows.get(route.name)
      update(route)
      if (body.children[index] !== element) body.insertBefore(element, body.children[index] ?? null)
    })
  }

  return {
    title: 'Routes',
    element: [
      h('div', { class: 'row spread' }, h('h1', {}, 'Routes'), h('label', { for: 'filter' }, 'Filter', filter)),
      h('section', { class: 'card', 'aria-label': 'Topology' }, picture),
      h(
        'section',
        { class: 'card scroll', tabindex: 0, 'aria-label': 'Routes as a table' },
        h(
          'table',
          {},
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              h('th', { scope: 'col' }, 'Route'),
              h('th', { scope: 'col' }, 'State'),
              COLUMNS.map(([name]) => h('th', { scope: 'col', class: 'number' }, name)),
            ),
          ),
          body,
        ),
      ),
    ],
    update(status) {
      routes = status.routes
      shown()
    },
  }
}

import { s } from './dom.js'
import { rate, STATES } from './format.js'

const ROW = 46
const BOX = 36

/** The picture: sources on the left, routes in the middle, targets on the right; width by rate, colour and sign by state. */
export function topology(element) {
  let routes = []
  const draw = () => {
    const width = Math.max(280, element.clientWidth)
    const gap = width < 600 ? 22 : Math.min(160, width / 8)
    const column = (width - 2 * gap) / 3
    const ends = side => [...new Map(routes.flatMap(route => side(route).map(end => [key(end), end]))).values()]
    const sources = ends(route => [route.from])
    const targets = ends(route => [route.to, ...(route.deadLetter?.connection ? [route.deadLetter] : [])])
    const height = Math.max(sources.length, routes.length, targets.length, 1) * ROW
    const place = (list, index) => ((index + 0.5) * height) / list.length
    const at = (list, end) =>
      place(
        list,
        list.findIndex(each => key(each) === key(end)),
      )
    const picture = s('svg', {
      class: 'topology',
      viewBox: `0 0 ${width} ${height}`,
      height,
      role: 'group',
      'aria-label': `${routes.length} routes from ${sources.length} sources to ${targets.length} targets`,
    })
    const right = 2 * (column + gap)
    routes.forEach((route, index) => {
      const y = place(routes, index)
      const [, colour] = STATES[route.state]
      const edge = (x1, y1, x2, y2, perSecond, kind) =>
        s('path', {
          class: kind,
          d: `M${x1} ${y1} C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}`,
          'stroke-width': thickness(perSecond),
        })
      const still = route.state === 'running' ? '' : 'still'
      const lines = s('g', { class: colour, 'aria-hidden': 'true' })
      lines.append(edge(column, at(sources, route.from), column + gap, y, route.rates.received, still))
      lines.append(edge(2 * column + gap, y, right, at(targets, route.to), route.rates.settled, still))
      if (route.deadLetter?.connection)
        lines.append(
          edge(2 * column + gap, y + 8, right, at(targets, route.deadLetter), route.rates.deadLettered, 'dead'),
        )
      picture.append(lines)
    })
    picture.append(...sources.map((end, index) => endNode(end, 0, place(sources, index), column)))
    picture.append(...targets.map((end, index) => endNode(end, right, place(targets, index), column)))
    picture.append(...routes.map((route, index) => routeNode(route, column + gap, place(routes, index), column)))
    const focused = element.contains(document.activeElement) ? document.activeElement.getAttribute('href') : undefined
    element.replaceChildren(picture)
    if (focused) element.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus()
  }
  new ResizeObserver(draw).observe(element)
  return next => {
    routes = next
    draw()
  }
}

const key = ({ connection, address }) => `${connection} ${address}`
const thickness = perSecond => (1.5 + Math.min(10, 2.2 * Math.log10(1 + perSecond))).toFixed(1)

function endNode({ connection, address, driver }, x, y, width) {
  return s(
    'g',
    {},
    s('title', {}, `${connection} (${driver}): ${address}`),
    s('rect', { x: x + 0.5, y: y - BOX / 2, width: width - 1, height: BOX, rx: 6 }),
    s('text', { x: x + 8, y: y - 3 }, cut(address.replace(/^\w+ /, ''), width - 16, 7)),
    s('text', { x: x + 8, y: y + 12, class: 'under' }, cut(connection, width - 16, 6.4)),
  )
}

function routeNode(route, x, y, width) {
  const [glyph, colour] = STATES[route.state]
  const link = s(
    'a',
    {
      href: `#/routes/${encodeURIComponent(route.name)}`,
      'aria-label': `route ${route.name}: ${route.state}, ${rate(route.rates.settled)}`,
    },
    s('title', {}, `${route.name}: ${route.state}`),
    s('rect', { x: x + 0.5, y: y - BOX / 2, width: width - 1, height: BOX, rx: 10 }),
    s('text', { x: x + 8, y: y - 3, class: 'glyph' }, glyph),
    s('text', { x: x + 24, y: y - 3 }, cut(route.name, width - 32, 7)),
    s('text', { x: x + 24, y: y + 12, class: 'under' }, cut(under(route, width), width - 28, 6.4)),
  )
  return s('g', { class: `node-route ${colour}` }, link)
}

// Where there is little room the sign has to do for the state.
function under({ state, rates }, width) {
  if (state === 'disabled' || width < 60) return state
  return width < 150 ? rate(rates.settled) : `${state} ${rate(rates.settled)}`
}

// SVG has no ellipsis.
function cut(text, room, perCharacter) {
  const most = Math.max(3, Math.floor(room / perCharacter))
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}

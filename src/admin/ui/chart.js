import { h, s } from './dom.js'

const WIDTH = 600
const HEIGHT = 150
const TOP = 14
const BOTTOM = 18

/**
 * A line chart of the last minutes. `series` are at most two, `[{ name, values }]`, oldest value first; null leaves a gap.
 * `format` writes values.
 */
export function chart(title, format) {
  const lines = ['a', 'b'].map(kind => s('g', { class: kind }))
  const most = s('text', { x: 2, y: 11 })
  const picture = s(
    'svg',
    { class: 'chart', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' },
    s('line', { x1: 0, x2: WIDTH, y1: TOP, y2: TOP }),
    s('line', { x1: 0, x2: WIDTH, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }),
    lines,
  )
  const legend = h('p', { class: 'legend' })
  const scale = h('p', { class: 'row spread soft small' }, h('span', {}, ''), h('span', {}, ''))
  const element = h('section', { class: 'card' }, h('h2', {}, title), legend, scale, picture)
  most.remove()
  const update = (series, seconds) => {
    const top = Math.max(1e-9, ...series.flatMap(({ values }) => values.map(value => value ?? 0)))
    series.forEach(({ values }, index) => {
      lines[index].replaceChildren(...runs(values, top).map(points => s('polyline', { class: 'ab'[index], points })))
    })
    legend.replaceChildren(
      ...series.map(({ name, values }, index) => h('span', { class: 'ab'[index] }, `${name} ${format(last(values))}`)),
    )
    scale.replaceChildren(
      h('span', {}, `most ${format(top < 1e-8 ? 0 : top)}`),
      h('span', {}, `last ${Math.max(1, Math.round(seconds / 60))} min`),
    )
    const now = series.map(({ name, values }) => `${name} now ${format(last(values))}`).join(', ')
    picture.setAttribute('aria-label', `${title}: ${now}; at most ${format(top < 1e-8 ? 0 : top)}`)
  }
  return { element, update }
}

const last = values => values.findLast(value => value !== null) ?? null

function runs(values, top) {
  const step = WIDTH / Math.max(1, values.length - 1)
  const found = []
  let run = []
  values.forEach((value, index) => {
    if (value === null) {
      if (run.length > 0) found.push(run)
      run = []
      return
    }
    const y = HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM)
    run.push(`${(index * step).toFixed(1)},${y.toFixed(1)}`)
    // A single point would not be seen.
    if (run.length === 1) run.push(`${(index * step + 4).toFixed(1)},${y.toFixed(1)}`)
  })
  if (run.length > 0) found.push(run)
  return found.map(points => points.join(' '))
}

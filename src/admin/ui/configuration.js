import { get, Refused, send } from './api.js'
import { confirmed, h, setText, toast } from './dom.js'
import { time } from './format.js'
import { store } from './store.js'

const WORDS = {
  start: 'starts',
  stop: 'stops',
  swap: 'changes in place',
  restart: 'is restarted',
}
const SIGNS = { start: '+', stop: '−', swap: '~', restart: '↻' }

/** The configuration: the last reload, a plan as a diff, applying it, connections, the log level. */
export function configuration() {
  const last = h('p', {})
  const plan = h('div', { role: 'status' })
  const apply = h('button', { type: 'button', class: 'main', disabled: true, onclick: () => applyIt() }, 'Apply')
  const planButton = h('button', { type: 'button', onclick: () => planIt() }, 'Plan')
  const connections = h('tbody', {})
  const text = h('pre', { class: 'box', tabindex: 0, 'aria-label': 'Configuration without secrets' })
  const level = h(
    'select',
    { id: 'level', onchange: () => setLevel() },
    ['debug', 'info', 'warn', 'error'].map(name => h('option', { value: name }, name)),
  )
  let hash

  async function planIt() {
    planButton.disabled = true
    setText(plan, 'Planning …')
    hash = undefined
    try {
      const answer = await send('POST', '/api/plan')
      hash = answer.ok ? answer.plan.hash : undefined
      plan.replaceChildren(...planned(answer))
      apply.disabled = hash === undefined || answer.plan.changes.length === 0
    } catch (error) {
      setText(plan, `${error.message}. ${error.hint ?? ''}`)
    }
    planButton.disabled = false
  }

  async function applyIt() {
    if (!(await confirmed('Apply this plan?', 'Only the routes that are named change; the others carry on.', 'Apply')))
      return
    apply.disabled = true
    try {
      await send('POST', '/api/apply', undefined, { 'if-match': `"${hash}"` })
      toast('Applied.')
      setText(plan, 'Applied.')
      await load()
    } catch (error) {
      toast(`${error.message}. ${error.hint ?? ''}`, true)
      const problems = error instanceof Refused ? error.problem.result?.problems : undefined
      plan.replaceChildren(h('p', { class: 'bad' }, error.message), problemList(problems ?? []))
    }
    hash = undefined
  }

  async function setLevel() {
    try {
      await send('PUT', '/api/log-level', { level: level.value })
      toast(`Logging ${level.value} and above.`)
    } catch (error) {
      toast(`${error.message}. ${error.hint ?? ''}`, true)
    }
  }

  async function load() {
    const [config, { connections: list }, log] = await Promise.all([
      get('/api/config'),
      get('/api/connections'),
      get('/api/log-level').catch(() => undefined),
    ])
    setText(text, JSON.stringify(config.config, null, 2))
    level.disabled = log === undefined || !store.access.write
    if (log !== undefined) level.value = log.level
    connections.replaceChildren(
      ...list.map(({ name, driver, urls, routes, users }) =>
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, name),
          h('td', {}, driver),
          h('td', { class: 'wrap' }, urls.join(', ')),
          h('td', { class: 'wrap' }, routes.join(', ')),
          h('td', {}, users === 0 ? '○ closed' : `● open, ${users}`),
        ),
      ),
    )
  }
  load().catch(error => toast(error.message, true))

  return {
    title: 'Configuration',
    element: [
      h('h1', {}, 'Configuration'),
      h(
        'section',
        { class: 'card' },
        h('h2', {}, 'Reload'),
        last,
        h('div', { class: 'row' }, planButton, apply),
        h('p', { class: 'small soft' }, 'A plan reads the file as it is now and changes nothing.'),
        plan,
      ),
      h(
        'section',
        { class: 'card scroll', tabindex: 0, 'aria-label': 'Connections' },
        h('h2', {}, 'Connections'),
        h(
          'table',
          {},
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              ['Name', 'Driver', 'Url', 'Routes', 'State'].map(name => h('th', { scope: 'col' }, name)),
            ),
          ),
          connections,
        ),
      ),
      h('section', { class: 'card' }, h('h2', {}, 'Log'), h('label', { for: 'level' }, 'Least level', level)),
      h('details', { class: 'card' }, h('summary', {}, 'What runs, without secrets'), text),
    ],
    update({ version, reload }) {
      planButton.disabled = !store.access.write
      const how =
        reload === null ? '' : ` ${reload.ok ? 'Applied' : 'Failed to apply'} ${time(reload.at)} (${reload.trigger}).`
      setText(last, `Version ${version} runs.${how}`)
      last.className = reload !== null && !reload.ok ? 'bad' : ''
    },
  }
}

function planned({ plan, problems }) {
  if (plan === undefined) return [h('p', { class: 'bad' }, 'The file cannot be used.'), problemList(problems)]
  const changes = plan.changes.map(({ kind, route, paths }) =>
    h(
      'li',
      { class: kind },
      h('strong', {}, `${SIGNS[kind]} ${route}`),
      ` ${WORDS[kind]}`,
      paths.length > 0 &&
        h(
          'ul',
          {},
          paths.map(path => h('li', {}, path)),
        ),
    ),
  )
  const restart = plan.process.map(path => h('li', { class: 'process' }, `! ${path} needs a restart of the process`))
  const nothing = changes.length === 0 && restart.length === 0
  return [
    nothing ? h('p', {}, 'Nothing would change.') : h('ul', { class: 'diff', 'aria-label': 'Plan' }, changes, restart),
    problemList(problems),
    h('p', { class: 'small soft' }, `Plan ${plan.hash}`),
  ]
}

function problemList(problems) {
  if (problems.length === 0) return ''
  return h(
    'ul',
    { class: 'diff', 'aria-label': 'Problems' },
    problems.map(({ severity, file, line, col, message, hint }) =>
      h(
        'li',
        { class: severity === 'error' ? 'stop' : 'swap' },
        h('strong', {}, `${severity} ${file}:${line}:${col} `),
        message,
        hint !== undefined && h('p', { class: 'small' }, hint),
      ),
    ),
  )
}

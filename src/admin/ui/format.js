const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const WHOLE = new Intl.NumberFormat('en')

/** `–` where it is unknown. */
export const count = value => (value === null || value === undefined ? '–' : WHOLE.format(value))
export const short = value => (value === null || value === undefined ? '–' : SHORT.format(value))
export const rate = value => `${short(value)}/s`

export function duration(ms) {
  if (ms === null || ms === undefined) return '–'
  if (ms < 1_000) return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`
  if (ms < 3_600_000) return `${Math.round(ms / 6_000) / 10} min`
  return `${Math.round(ms / 360_000) / 10} h`
}

export const time = iso => (iso === null ? 'unknown' : new Date(iso).toLocaleString())

/** A sign and a kind of colour for each state: the sign alone says enough. */
export const STATES = {
  starting: ['◌', 'wait'],
  running: ['▶', 'good'],
  paused: ['‖', 'idle'],
  holding: ['◔', 'wait'],
  blocked: ['✖', 'bad'],
  stopped: ['■', 'bad'],
  draining: ['▽', 'wait'],
  ended: ['□', 'idle'],
  disabled: ['○', 'idle'],
}

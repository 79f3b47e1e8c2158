import { stripVTControlCharacters } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPaint } from '../../src/cli/paint.ts'
import { parseOptions } from './options.ts'
import { report } from './report.ts'
import { bar, clip, type Progress, Screen } from './screen.ts'
import type { Totals } from './tally.ts'

const progress: Progress = {
  published: 50_000,
  wanted: 50_000,
  delivered: 49_700,
  rate: 12_345.6,
  lag: 23_456,
  breaking: undefined,
}

class Paper {
  readonly isTTY: boolean
  readonly columns = 80
  text = ''
  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }
  write(text: string): void {
    this.text += text
  }
}

describe('the screen of the demo', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('has one live line that fits into 80 columns, whatever is being broken', () => {
    for (const breaking of [undefined, '✖ GATEWAY KILLED', '✖ RABBITMQ DOWN']) {
      const paper = new Paper(true)
      using screen = new Screen(paper, {})
      screen.progress(() => ({ ...progress, breaking }))
      vi.advanceTimersByTime(100)
      expect(paper.text.match(/\r/g)).toHaveLength(1)
      const line = stripVTControlCharacters(paper.text).replace('\r', '')
      expect([...line].length).toBeLessThanOrEqual(79)
      expect(line).toMatch(/published 50,000 delivered 49,700 12,346\/s lag 23,456$/)
      if (breaking !== undefined) expect(line).toContain(breaking)
    }
  })

  it('wipes the live line before it writes one that stays', () => {
    const paper = new Paper(true)
    using screen = new Screen(paper, {})
    screen.waiting('Waiting')
    paper.text = ''
    screen.line('stays')
    expect(paper.text.startsWith('\x1b[2K\rstays\n')).toBe(true)
  })

  it('writes plain lines now and then where nobody watches, without a control character', () => {
    const paper = new Paper(false)
    using screen = new Screen(paper, {})
    screen.progress(() => ({ ...progress, breaking: '✖ GATEWAY KILLED' }))
    vi.advanceTimersByTime(9_500)
    const lines = paper.text.split('\n').slice(0, -1)
    expect(lines).toHaveLength(3)
    expect(lines[0]).toContain('published 50,000, delivered 49,700, 12,346/s, lag 23,456 (✖ GATEWAY KILLED)')
    expect(paper.text).not.toMatch(/[\x1b\r]/)
  })

  it('has colours on a terminal, and none under NO_COLOR', () => {
    for (const [env, coloured] of [
      [{}, true],
      [{ NO_COLOR: '1' }, false],
    ] as const) {
      const paper = new Paper(true)
      using screen = new Screen(paper, env)
      screen.event('bad', 'broken')
      expect(/\x1b\[\d+m/.test(paper.text)).toBe(coloured)
    }
  })

  it('draws a bar of 16 columns', () => {
    expect(bar(0)).toBe('················')
    expect(bar(0.5)).toBe('████████········')
    expect(bar(1)).toBe('████████████████')
    for (let share = -0.1; share < 1.2; share += 0.01) expect([...bar(share)]).toHaveLength(16)
  })

  it('clips a line without counting its colours', () => {
    expect(clip('\x1b[31mabcdef\x1b[39m', 3)).toBe('\x1b[31mabc\x1b[39m\x1b[0m')
    expect(clip('abc', 3)).toBe('abc')
    expect(clip('\x1b[1mab\x1b[22m', 3)).toBe('\x1b[1mab\x1b[22m')
  })
})

describe('the report', () => {
  const totals: Totals = {
    published: 50_000,
    delivered: 49_700,
    filtered: 100,
    deadLettered: 200,
    deadAgain: 0,
    reasons: [
      ['VALIDATION_FAILED', 100],
      ['BODY_INVALID', 100],
    ],
    lost: 0,
    outOfOrder: 0,
    duplicated: 0,
    duplicatedByShop: 0,
    altered: 0,
    poisonMissing: 0,
    intruders: 0,
    wronglyDead: 0,
    broughtBack: 1_000,
    notBroughtBack: 0,
  }
  const facts = {
    wanted: 50_000,
    users: 500,
    topic: 'shop.orders',
    deadQueue: 'orders.dead',
    largeQueue: 'orders.large',
    again: 12_345,
  }
  const text = (changes: Partial<Totals> = {}) =>
    report({ ...totals, ...changes }, facts, createPaint(false)).join('\n')

  it('says what was published, delivered, lost, duplicated, out of order and dead-lettered, and why', () => {
    for (const row of [
      /published +50,000 /,
      /delivered +49,700 /,
      /and back +1,000 /,
      /filtered +100 /,
      /dead-lettered +200 /,
      /100 VALIDATION_FAILED/,
      /100 BODY_INVALID/,
      /lost +0 {2}✔/,
      /out of order +0 {2}✔/,
      /duplicated +0 {2}✔ though the shop published 12,345 of them twice/,
    ])
      expect(text()).toMatch(row)
    expect(text()).not.toContain('twice: ')
    expect(text({ deadAgain: 8 })).toMatch(/^ +8 twice: written again after the SIGKILL$/m)
    expect(text()).toMatch(/\n {2}Nothing was lost, .+ in order\.$/)
  })

  it('says what was not kept', () => {
    const spoilt = text({ lost: 3, outOfOrder: 1, poisonMissing: 2 })
    expect(spoilt).toMatch(/lost +3 {2}✖/)
    expect(spoilt).toContain(
      'The promise was not kept: 3 orders were lost; 1 order arrived out of order; ' +
        '2 poison messages are not in the dead letters.',
    )
    expect(spoilt).not.toContain('Nothing was lost')
  })

  it('fits into 80 columns', () => {
    for (const changes of [
      { deadAgain: 1_234 },
      { duplicated: 1_053 },
      { duplicated: 12_345, duplicatedByShop: 12_344 },
    ])
      for (const line of text(changes).split('\n')) expect([...line].length).toBeLessThanOrEqual(79)
  })
})

describe('the options', () => {
  it('have defaults, and take numbers as people write them', () => {
    expect(parseOptions([])).toMatchObject({ orders: 50_000, users: 500, rate: 5_000, keep: false })
    expect(parseOptions(['--orders', '3,000', '--keep'])).toMatchObject({ orders: 3_000, keep: true })
  })

  it('refuse what makes no sense, in words', () => {
    expect(() => parseOptions(['--orders', 'many'])).toThrow('--orders has to be a whole number from 1,000 to')
    expect(() => parseOptions(['--rate', '0'])).toThrow('--rate has to be')
    expect(() => parseOptions(['--orderz', '3000'])).toThrow('--orderz')
  })
})

import { describe, expect, test } from 'vitest'
import { createLog, type LogLevel } from '../../src/app/log.ts'
import { createPaint } from '../../src/cli/paint.ts'
import { SluiceError } from '../../src/core/errors.ts'
import type { Log } from '../../src/core/ports.ts'

function written(format: 'json' | 'text', write: (log: Log) => void, level: LogLevel = 'info'): string {
  let text = ''
  const redact = (line: string) => line.replaceAll('hunter22', '***')
  write(
    createLog({
      level,
      format: format === 'json' ? 'json' : createPaint(false),
      redact,
      write: line => (text += line),
    }),
  )
  return text
}

const cause = new SluiceError('CONNECT_FAILED', 'the broker cannot be reached\n(ECONNREFUSED)')

describe('the log', () => {
  test('as JSON is one object per line, with its level by name and its time in ISO 8601', () => {
    const line = written('json', log => log.warn({ route: 'orders', error: cause }, 'holds'))
    expect(line.endsWith('}\n')).toBe(true)
    expect(JSON.parse(line)).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      route: 'orders',
      error: { code: 'CONNECT_FAILED', message: cause.message, hint: cause.hint },
      msg: 'holds',
    })
  })

  test('as text is for a person: time, level, route, sentence, error, fields, and below them what to do', () => {
    const line = written('text', log => log.error({ route: 'orders', error: cause, lag: 5, why: 'two words' }, 'holds'))
    expect(line).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} error \[orders\] holds \(CONNECT_FAILED: the broker cannot be reached \(ECONNREFUSED\)\) lag=5 why="two words"\n {13}hint: Check the host.*\n$/,
    )
  })

  test('as text does not say again what the sentence says', () => {
    const fields = { route: 'orders', part: 'target', code: 'CONNECT_FAILED', seconds: 5, lag: 50, routes: ['a', 'b'] }
    const line = written('text', log => log.warn(fields, 'route orders holds: target: away for 5 s'))
    expect(line.slice(13)).toBe('warn  route orders holds: target: away for 5 s (CONNECT_FAILED) lag=50 routes=a,b\n')
  })

  test('hides secrets in every field', () => {
    for (const format of ['json', 'text'] as const)
      expect(written(format, log => log.info({ a: { b: ['hunter22'] } }, 'hunter22'))).not.toContain('hunter22')
  })

  test('has stacks at debug only', () => {
    const error = new Error('broken')
    expect(written('text', log => log.error({ error }, 'x'))).not.toContain('log.unit.test')
    expect(written('text', log => log.error({ error }, 'x'), 'debug')).toContain('log.unit.test')
  })

  test('leaves out what is below its level', () => {
    expect(written('json', log => log.info({}, 'x'), 'warn')).toBe('')
  })
})

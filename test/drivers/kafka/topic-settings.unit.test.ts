import { expect, test } from 'vitest'
import { retentionFindings } from '../../../src/drivers/kafka/topic-settings.ts'

const DAY = 24 * 3_600_000
const said = (settings: Parameters<typeof retentionFindings>[1]) =>
  retentionFindings('orders', settings).map(({ level, message }) => `${level}: ${message.split(',')[0]}`)

test('a retention that old messages do not live through is told, and worth a warning where it is short', () => {
  expect(said({ retention: 7 * DAY, timestampType: 'CreateTime', cleanup: 'delete' })).toEqual([
    'ok: it keeps records for 7 days',
  ])
  expect(said({ retention: DAY })).toEqual(['ok: it keeps records for 24 h'])
  expect(said({ retention: DAY / 2, cleanup: 'compact,delete' })).toEqual(['warn: it keeps records for 12 h'])
})

test('nothing to tell where records stay, or count from their arrival, or where it cannot be seen', () => {
  expect(said({ retention: -1 })).toEqual([])
  expect(said({ retention: DAY / 2, timestampType: 'LogAppendTime' })).toEqual([])
  expect(said({ retention: DAY / 2, cleanup: 'compact' })).toEqual([])
  expect(said({})).toEqual([])
})

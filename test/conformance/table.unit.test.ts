import { expect, test } from 'vitest'
import { CASES } from './all-cases.ts'
import { ENTRIES } from './entries.ts'
import { conformanceTable } from './table.ts'

test('the table says what each driver passes, and why it is not asked the rest', () => {
  const lines = conformanceTable(ENTRIES).split('\n')
  const rows = lines.filter(line => line.startsWith('|')).map(line => line.slice(2, -2).split(' | '))
  expect(rows[0]!.slice(1)).toEqual(ENTRIES.map(entry => entry.label))
  const cells = (title: string) => rows.find(row => row[0] === title)!.slice(1)
  expect(cells('Largest message, by default')).toEqual(['16 MiB', '1 MiB', '1 MiB', '1 MiB', '0.75 MiB', '1 MiB'])
  expect(cells('Redeliveries are counted')).toEqual(
    ENTRIES.map(({ driver }) => (driver.features.countsAttempts ? 'yes' : 'no')),
  )
  expect(cells('Conformance cases passed')).toEqual([
    '18 of 19',
    '19 of 19',
    '18 of 19',
    '14 of 19',
    '18 of 19',
    '18 of 19',
  ])
  expect(CASES).toHaveLength(19)
  expect(lines.find(line => line.startsWith('- memory '))).toContain('case 17')
  expect(lines.find(line => line.startsWith('- RabbitMQ 4.0 and 3.10: '))).toContain('consumer_timeout')
  expect(lines.filter(line => line.startsWith('- Kafka'))).toEqual([])
})

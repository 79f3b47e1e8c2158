import { expect, test } from 'vitest'
import { hangUp } from './rabbit.ts'

test.each<[what: string, close: () => Promise<void>]>([
  ['is never answered', () => new Promise(() => {})],
  ['fails', () => Promise.reject(new Error('gone'))],
  [
    'cannot be asked for',
    () => {
      throw new Error('closed already')
    },
  ],
])('a close that %s keeps nobody', async (_, close) => {
  expect(await hangUp({ close }, 10)).toBeUndefined()
})

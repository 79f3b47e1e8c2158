import { expect, test } from 'vitest'
import { folder, sluice } from './sluice.ts'

test('schema prints JSON Schema, whole, also into a pipe', async () => {
  const { code, stdout } = await sluice(['schema'], folder())
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toHaveProperty('$schema')
})

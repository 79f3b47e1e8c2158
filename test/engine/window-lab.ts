import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { StepConfig } from '../../src/config/schema.ts'
import type { Stored } from '../../src/drivers/memory/stored.ts'
import { Lab, type LabOptions, route } from './lab.ts'

export const memory = { name: 'memory', options: {} }
export const step = (name: string, options: unknown): StepConfig => ({ name, options, timeout: '30s' })
export const window = (options: object = {}) =>
  step('window', {
    every: '5s',
    key: '${key}',
    aggregate: { count: true },
    time: 'event',
    idle: '10m',
    store: memory,
    ...options,
  })
export const kept = (lab: Lab, address = 'out'): readonly Stored[] => lab.there.ledger?.published(address) ?? []
export const bodyOf = (stored: Stored) => JSON.parse(String(stored.bytes)) as Record<string, unknown>
export const header = (stored: Stored | undefined, name: string) => stored?.headers.get(name)
export const at = (seconds: number) => `1970-01-01T00:00:${String(seconds).padStart(2, '0')}.000Z`

/** What left for a key: the id without its beginning, and the count. */
export const told = (lab: Lab, key: string) =>
  kept(lab)
    .filter(stored => stored.key === key)
    .map(stored => [stored.id.replace(`orders/${key}/`, ''), bodyOf(stored)['count']])

export function started(options: Parameters<typeof route>[0], more: LabOptions = {}) {
  const lab = new Lab(more)
  const { gateway, kill } = lab.start([route({ order: 'source', ...options })])
  onTestFinished(() => gateway.stop(0))
  const metric = async (name: string): Promise<string[]> =>
    (await gateway.metrics()).split('\n').filter(line => line.startsWith(`${name}{`))
  return { lab, gateway, kill, metric, status: () => gateway.status[0]! }
}

/** Messages of one key at these seconds. */
export function send(lab: Lab, key: string, ...seconds: readonly number[]): void {
  for (const second of seconds) lab.send({ key, timestamp: second * 1_000 })
}

export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-windows-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

import { expect, test } from 'vitest'
import { statePath } from '../../src/core/state-folder.ts'

test('what is kept lies beside the configuration, or where SLUICE_STATE_DIR says', () => {
  expect(statePath('/etc/sluice', '.sluice/dedup', undefined)).toBe('/etc/sluice/.sluice/dedup')
  expect(statePath('/etc/sluice', '.sluice/dedup', '')).toBe('/etc/sluice/.sluice/dedup')
  expect(statePath('/etc/sluice', '.sluice/dedup', '/var/lib/sluice')).toBe('/var/lib/sluice/dedup')
})

test('a folder of its own is where it was named', () => {
  expect(statePath('/etc/sluice', '/data/dedup', '/var/lib/sluice')).toBe('/data/dedup')
  expect(statePath('/etc/sluice', 'keys', '/var/lib/sluice')).toBe('/etc/sluice/keys')
})

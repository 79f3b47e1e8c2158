import { inject } from 'vitest'
import type { BrokerInfo, Kind } from './kinds.ts'
import { KitError } from './kit-error.ts'
import './setup.ts'

/** The shared broker of this kind, started by setup.ts. Throws the reason where it cannot be had, which fails the test. */
export function given(kind: Kind): BrokerInfo {
  const trouble = inject('brokerTroubles')[kind]
  if (trouble !== undefined) throw new KitError(`${kind} cannot be had. ${trouble}`)
  return inject(kind)
}

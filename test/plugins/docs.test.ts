import { afterAll, describe, it } from 'vitest'
import { conformance } from '../conformance/index.ts'
import { example } from './example.ts'
import { MANY_FILES, ONE_READER, spoolTestbed } from './spool.ts'

const [driver] = (await example('spool.ts')).drivers!
const testbed = spoolTestbed()
afterAll(() => testbed[Symbol.dispose]())

conformance({ driver: driver!, testbed, only: MANY_FILES, skip: [ONE_READER], runner: { describe, it } })

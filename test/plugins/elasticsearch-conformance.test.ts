// Its `debug` opens stderr when it is imported, which the suite would take for something left open.
import '@elastic/elasticsearch'
import { afterAll, describe, it } from 'vitest'
import { conformance } from '../conformance/index.ts'
import { elasticsearchTestbed } from './elasticsearch-testbed.ts'

const testbed = await elasticsearchTestbed()
afterAll(() => testbed[Symbol.asyncDispose]())

// The driver can be written to only; a source that the tests bring along reads back what it wrote.
conformance({ driver: testbed.driver, testbed, runner: { describe, it } })

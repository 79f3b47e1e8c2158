import { expect, test } from 'vitest'
import { mergeMetrics } from '../../src/admin/worker-metrics.ts'

const text = (received: number) => `# HELP sluice_received_total Messages received
# TYPE sluice_received_total counter
sluice_received_total{route="a}b, c=\\"d\\""} ${received}

# HELP sluice_seconds Time
# TYPE sluice_seconds histogram
sluice_seconds_bucket{le="0.1",route="a"} 1
sluice_seconds_bucket{le="+Inf",route="a"} 2
sluice_seconds_sum{route="a"} 0.3
sluice_seconds_count{route="a"} 2

# HELP up Without labels
# TYPE up gauge
up 1
`

test('every sample gets its worker, every family comes once and together', () => {
  expect(
    mergeMetrics(
      new Map([
        [1, text(5)],
        [2, text(7)],
      ]),
    ),
  ).toBe(`# HELP sluice_worker_up The worker answers
# TYPE sluice_worker_up gauge
sluice_worker_up{worker="1"} 1
sluice_worker_up{worker="2"} 1
# HELP sluice_received_total Messages received
# TYPE sluice_received_total counter
sluice_received_total{worker="1",route="a}b, c=\\"d\\""} 5
sluice_received_total{worker="2",route="a}b, c=\\"d\\""} 7
# HELP sluice_seconds Time
# TYPE sluice_seconds histogram
sluice_seconds_bucket{worker="1",le="0.1",route="a"} 1
sluice_seconds_bucket{worker="1",le="+Inf",route="a"} 2
sluice_seconds_sum{worker="1",route="a"} 0.3
sluice_seconds_count{worker="1",route="a"} 2
sluice_seconds_bucket{worker="2",le="0.1",route="a"} 1
sluice_seconds_bucket{worker="2",le="+Inf",route="a"} 2
sluice_seconds_sum{worker="2",route="a"} 0.3
sluice_seconds_count{worker="2",route="a"} 2
# HELP up Without labels
# TYPE up gauge
up{worker="1"} 1
up{worker="2"} 1
`)
})

test('a worker that does not answer is there as one that is not up, and hides no other', () => {
  const merged = mergeMetrics(
    new Map([
      [1, undefined],
      [2, text(7)],
    ]),
  )
  expect(merged).toContain('sluice_worker_up{worker="1"} 0\nsluice_worker_up{worker="2"} 1\n')
  expect(merged).not.toContain('total{worker="1"')
  expect(merged).toContain('sluice_received_total{worker="2"')
  expect(mergeMetrics(new Map())).toBe('# HELP sluice_worker_up The worker answers\n# TYPE sluice_worker_up gauge\n')
})

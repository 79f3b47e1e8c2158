import { Counter, Gauge, type Registry } from 'prom-client'

/**
 * What every Prometheus client tells of its process, in the usual names: memory, CPU time, start. Read when it is asked for;
 * prom-client's own collection would watch garbage collection and event loop all the time.
 */
export function watchProcess(registry: Registry): void {
  const registers = [registry]
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Total user and system CPU time spent in seconds',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start time of the process since the epoch in seconds',
    registers,
  }).set(Date.now() / 1_000 - process.uptime())
}

import type { Driver } from '../core/ports.ts'
import type { RouteConfig } from './schema.ts'
import { isMapping, type Mapping, type Scope } from './scope.ts'

const ONE_PATH = /^\$\{\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[(?:"[^"]*"|'[^']*')\])*)\s*\}$/

/**
 * Warns when a source that keeps its order over several gateways by one thing is put into order by another. Only paths are
 * compared: an expression that reads more may well be finer.
 */
export function checkPartitions(
  route: RouteConfig,
  raw: Mapping,
  driver: Pick<Driver, 'partitionedBy'> | undefined,
  scope: Scope,
): void {
  const expected = driver?.partitionedBy?.(route.from.options)
  const { order } = route
  if (expected === undefined || typeof order !== 'object') return
  const path = ONE_PATH.exec(String(order.by))?.[1]
  if (path === undefined || plain(path) === plain(expected)) return
  const written = isMapping(raw['order'])
  scope.warn(
    ['routes', route.name, ...(written ? ['order', 'by'] : ['from', 'partitions'])],
    `the route orders by ${path}, and the source is partitioned by ${expected}: over several gateways only the latter keeps its order`,
    `Write \`order: { by: "\${${expected}}" }\`, or partition by what you order by (\`partitionBy\`).`,
  )
}

// headers["a"] and headers.a are one path.
const plain = (path: string): string => path.replace(/\[(["'])([A-Za-z_]\w*)\1\]/g, '.$2').replaceAll("'", '"')

import { evaluateTree } from './environment.ts'
import { isLoopback } from './loopback.ts'
import { isMapping, type Mapping, type Scope } from './scope.ts'

/** The file with the `${…}` of `admin` evaluated; says where the port would be open to others without a token. */
export function checkAdmin(file: Mapping, scope: Scope): Mapping {
  if (!isMapping(file['admin'])) return file
  const { value, issues } = evaluateTree(file['admin'], ['admin'], scope.context.sources, scope.secrets)
  scope.issues.push(...issues)
  if (!isMapping(value) || issues.length > 0) return { ...file, admin: {} }
  const { host, token, readToken } = value
  if (typeof host === 'string' && !isLoopback(host) && token === undefined && readToken === undefined)
    scope.report(
      ['admin', 'host'],
      `${host} is open to others, and there is no token`,
      'Add `token: ${env.SLUICE_ADMIN_TOKEN}` (or `readToken`) to `admin`, or listen on 127.0.0.1.',
    )
  if (typeof token === 'string' && token === readToken)
    scope.report(['admin', 'readToken'], 'readToken is the same as token', 'Give each its own, or leave one out.')
  return { ...file, admin: value }
}

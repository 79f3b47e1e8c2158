import { createHmac } from 'node:crypto'

/** The key that an instance with logins checks tokens by, and one that signs tokens it refuses. */
export const pulsarKeys = {
  right: 'sluice-test-key-of-the-pulsar-broker-0123456789',
  wrong: 'sluice-test-key-of-some-other-broker-0123456789',
} as const

/** The role of the kit's own administrator, who may do everything. */
export const pulsarAdmin = 'sluice-admin'

/** A token (JWT, HS256) for a role. `expires`: seconds since 1970; default: never. */
export function pulsarToken(role: string, key: string = pulsarKeys.right, expires?: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = expires === undefined ? { sub: role } : { sub: role, exp: expires }
  const signed = `${part({ alg: 'HS256' })}.${part(claims)}`
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}

import { describe, expect, test } from 'vitest'
import { evaluateTree } from '../../src/config/environment.ts'
import { Secrets } from '../../src/config/secrets.ts'

function secretsOf(connection: object, env: Record<string, string> = {}, file = ''): Secrets {
  const secrets = new Secrets()
  evaluateTree(connection, ['connections', 'shop'], { env, readFile: () => file }, secrets)
  return secrets
}

describe('hidden is', () => {
  test('the password of a url, raw and decoded, written or from a variable', () => {
    const secrets = secretsOf({ url: 'amqp://sluice:hunter%402%2F22@host:5672/shop' })
    expect(secrets.redact('login with hunter@2/22 or hunter%402%2F22 failed')).toBe('login with *** or *** failed')
    expect(secretsOf({ url: 'amqp://u:${env.PW}@host' }, { PW: 'correct-horse' }).redact('x correct-horse y')).toBe(
      'x *** y',
    )
    expect(secretsOf({ url: '${env.URL}' }, { URL: 'amqp://u:battery-staple@host' }).redact('battery-staple')).toBe(
      '***',
    )
  })

  test('what comes from a variable or a file into another option', () => {
    expect(secretsOf({ password: '${env.PW}' }, { PW: 'correct-horse' }).redact('"correct-horse"')).toBe('"***"')
    expect(secretsOf({ password: "${file('/x')}" }, {}, 'from the file\n').redact('from the file!')).toBe('***!')
  })

  test('a secret inside JSON, with its escapes', () => {
    const secrets = secretsOf({ password: '${env.PW}' }, { PW: 'quote"back\\slash' })
    expect(secrets.redact(JSON.stringify({ password: 'quote"back\\slash' }))).toBe('{"password":"***"}')
  })

  test('each line of a key in PEM', () => {
    const pem = `-----BEGIN KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQ'}\n-----END KEY-----\n`
    expect(secretsOf({ tls: { key: '${env.KEY}' } }, { KEY: pem }).redact('bad line MIIEvQIBADANBgkqhkiG9w0BAQ')).toBe(
      'bad line ***',
    )
  })

  test('a password in a url that nobody has told of', () => {
    expect(new Secrets().redact('dialing kafka://me:pass@word@host:9092')).toBe('dialing kafka://me:***@host:9092')
  })

  test('what stands behind `password:` in a line of the file', () => {
    expect(new Secrets().redactLine('  sasl: { username: me, password: 12345 }')).toBe(
      '  sasl: { username: me, password: *** }',
    )
  })
})

describe('shown is', () => {
  test('the host and the user of a url, so that a message can name them', () => {
    const secrets = secretsOf({ url: 'amqp://sluice:hunter22@${env.HOST}:5672' }, { HOST: 'rabbit.example.com' })
    expect(secrets.redact('sluice at rabbit.example.com refused')).toBe('sluice at rabbit.example.com refused')
  })

  test('a password that equals the user, and words too short to hide', () => {
    expect(secretsOf({ url: 'amqp://guest:guest@host' }).redact('guest was refused')).toBe('guest was refused')
    expect(
      secretsOf({ tls: '${env.ON}', port: '${env.PORT}' }, { ON: 'true', PORT: '5672' }).redact(
        '{"ok":true,"port":5672}',
      ),
    ).toBe('{"ok":true,"port":5672}')
  })

  test('an expression, which is no password', () => {
    expect(new Secrets().redactLine('url: "amqp://me:${env.PASSWORD}@host"')).toBe(
      'url: "amqp://me:${env.PASSWORD}@host"',
    )
  })
})

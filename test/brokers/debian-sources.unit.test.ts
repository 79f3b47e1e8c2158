import { expect, test } from 'vitest'
import { debianSource, forRelease } from './debian-sources.ts'

const modern = `Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`

test("takes the machine's own mirror and key, with the other release's name", () => {
  const found = debianSource('bookworm', [modern], [])
  expect(found && forRelease(found, 'trixie')).toBe(
    'Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n' +
      'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n',
  )
})

test('reads the one-line form, with and without options', () => {
  const lists = ['# deb http://off.example/debian bookworm main\ndeb http://a.example/debian bookworm main contrib']
  expect(debianSource('bookworm', [], lists)).toMatchObject({ uri: 'http://a.example/debian' })
  const signed = 'deb [arch=amd64 signed-by=/k.gpg] http://b.example/debian/ bookworm main'
  expect(debianSource('bookworm', [], [signed])).toEqual({
    uri: 'http://b.example/debian/',
    suites: ['bookworm'],
    signedBy: '/k.gpg',
  })
})

test("passes over others' packages for the same release, and switched-off sources", () => {
  const others = 'Types: deb\nURIs: http://tools.example/linux\nSuites: bookworm\nComponents: stable\n'
  const off = modern.replace('Types: deb\n', 'Types: deb\nEnabled: no\n')
  expect(debianSource('bookworm', [others, off], [])).toBeUndefined()
  expect(debianSource('noble', [modern], [])).toBeUndefined()
})

test('a key written out in the stanza is left to the keys apt trusts', () => {
  const inline = 'Types: deb\nURIs: http://m.example/debian\nSuites: bookworm\nSigned-By:\n -----BEGIN PGP\n .\n'
  expect(debianSource('bookworm', [inline], [])?.signedBy).toBeUndefined()
})

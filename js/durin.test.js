import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Durin, DurinError } from './durin.js'

// server answers by path and notes what it got.
function server(routes) {
  const got = []
  const fetch = async (request) => {
    const path = new URL(request.url).pathname
    const body = await request.text()
    got.push({ path, method: request.method, auth: request.headers.get('Authorization'), credentials: request.credentials, body, origin: new URL(request.url).origin })
    const [status, answer, headers] = await (routes[path] ?? (() => [404, { detail: 'Not found.' }]))()
    return new Response(answer === undefined ? null : JSON.stringify(answer), { status, headers })
  }
  return { got, fetch }
}

const soon = (seconds) => new Date(Date.now() + seconds * 1000).toISOString()
const of = (s, more = {}) => new Durin({ url: 'https://api.test/api/auth', client: 'web', transport: 'token', fetch: s.fetch, ...more })

test('a session with a token', async () => {
  const s = server({
    '/api/auth/login/': () => [200, { expiry: soon(3600), token: 'abc' }],
    '/api/auth/logout/': () => [204],
    '/things': () => [200, []],
  })
  const d = of(s)
  await d.signIn('ada', 'engine', { device: 'laptop' })
  assert.deepEqual(JSON.parse(s.got[0].body), { username: 'ada', password: 'engine', client: 'web', device: 'laptop' })
  await d.fetch('https://api.test/things')
  await d.fetch('https://other.test/things')
  await d.signOut()
  await d.fetch('https://api.test/things')
  assert.deepEqual(s.got.map((r) => r.auth), [null, 'Token abc', null, 'Token abc', null])
  assert.equal(d.expiry, null)
})

test('cookies go along', async () => {
  const s = server({ '/api/auth/login/': () => [200, { expiry: soon(3600) }], '/things': () => [200, []] })
  const d = of(s, { transport: 'cookie' })
  await d.signIn('ada', 'engine')
  await d.fetch('https://api.test/things')
  assert.deepEqual(s.got.map((r) => [r.auth, r.credentials]), [[null, 'include'], [null, 'include']])
})

test('one renewal for all', async () => {
  const s = server({
    '/api/auth/login/': () => [200, { expiry: soon(3600), token: 'abc' }],
    '/api/auth/refresh/': () => [200, { expiry: soon(3600) }],
    '/things': () => [200, []],
  })
  const kept = { token: 'abc', expiry: Date.now() + 60_000, got: Date.now() - 3_540_000 }
  const d = of(s, { keep: { load: () => kept, save() {} } })
  await Promise.all(Array.from({ length: 50 }, () => d.fetch('https://api.test/things')))
  assert.equal(s.got.filter((r) => r.path.endsWith('refresh/')).length, 1)
  assert.equal(s.got.filter((r) => r.path === '/things').length, 50)
  assert.ok(d.expiry.getTime() > Date.now() + 3_500_000)
})

test('a renewal that replaces the token, with two tabs', async () => {
  const s = server({ '/api/auth/refresh/': () => [200, { expiry: soon(3600), token: 'new' }], '/things': () => [200, []] })
  let kept = { token: 'old', expiry: Date.now() + 3_600_000, got: Date.now() - 1 }
  const keep = { load: () => kept, save: (k) => { kept = k } }
  const [one, two] = [of(s, { keep }), of(s, { keep })]
  await two.fetch('https://api.test/things')
  await one.renew()
  assert.equal(kept.token, 'new')
  await one.fetch('https://api.test/things')
  await two.fetch('https://api.test/things')
  assert.deepEqual(s.got.map((r) => r.auth), ['Token old', 'Token old', 'Token new', 'Token new'])
})

test('a renewal that fails disturbs nobody', async () => {
  const s = server({ '/api/auth/refresh/': () => [503, { detail: 'Later.' }, { 'Retry-After': '2' }], '/things': () => [200, []] })
  const d = of(s, { keep: { load: () => ({ token: 'abc', expiry: Date.now() + 60_000, got: Date.now() - 3_540_000 }), save() {} } })
  for (let i = 0; i < 5; i++) assert.equal((await d.fetch('https://api.test/things')).status, 200)
  assert.equal(s.got.filter((r) => r.path.endsWith('refresh/')).length, 1)
  await assert.rejects(d.renew(), (e) => e instanceof DurinError && e.status === 503 && e.retryAfter === 2 && e.message === 'Later.')
})

test('refusals', async () => {
  const s = server({
    '/api/auth/login/': () => [400, { non_field_errors: ['Unable to log in with provided credentials.'] }],
    '/api/auth/logout/': () => [401, { detail: 'Invalid token.' }],
    '/api/auth/sessions/7/': () => [400, ["Can't delete token."]],
    '/api/auth/sessions/others/': () => [204],
  })
  const d = of(s)
  await assert.rejects(d.signIn('ada', 'x'), { status: 400, detail: 'Unable to log in with provided credentials.' })
  await assert.rejects(d.endSession(7), { status: 400, detail: "Can't delete token." })
  await d.endOtherSessions()
  assert.equal(s.got.at(-1).method, 'DELETE')
  await d.signOut()
  assert.throws(() => new Durin({ url: '', client: 'web' }), TypeError)
})

test('a token of a cookie client is not taken for one', async () => {
  const s = server({ '/api/auth/login/': () => [200, { expiry: null }] })
  await assert.rejects(of(s).signIn('ada', 'engine'), /cookie/)
})

test('what is kept', async () => {
  const s = server({ '/api/auth/login/': () => [200, { expiry: null, token: 'abc' }], '/api/auth/logout/': () => [204] })
  const saved = []
  const d = of(s, { keep: { load: () => null, save: (k) => saved.push(k) } })
  await d.signIn('ada', 'engine')
  await d.signOut()
  assert.equal(saved[0].token, 'abc')
  assert.equal(saved[1], null)
})

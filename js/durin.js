/**
 * Talks to an API that Durin protects: signs in, puts the token into requests or
 * lets the browser send it in its cookie, renews it before it runs out, signs
 * out. No dependencies.
 *
 * @module durin-client
 */

/**
 * What the server said against a request.
 */
export class DurinError extends Error {
  /**
   * @param {number} status of HTTP
   * @param {string} detail the server's sentence
   * @param {number} [retryAfter] seconds to wait, where it tells
   */
  constructor(status, detail, retryAfter) {
    super(detail)
    this.name = 'DurinError'
    this.status = status
    this.detail = detail
    this.retryAfter = retryAfter
  }
}

/**
 * A session with the API. With the transport "cookie" (the default) the token is
 * in a cookie that no script can read: the client on the server must be one whose
 * tokens travel in a cookie. With "token" it is in a variable of this object, or
 * where `keep` puts it.
 */
export class Durin {
  #base
  #client
  #scheme
  #fetch
  #keep
  #cookie
  #token = ''
  #expiry = 0 // milliseconds since 1970; 0: unknown, or never
  #got = 0
  #flight = null
  #notYet = 0

  /**
   * @param {import('./durin.js').DurinOptions} options
   */
  constructor({ url, client, transport = 'cookie', scheme = 'Token', keep, fetch = globalThis.fetch }) {
    if (!url || !client) throw new TypeError('durin: url and client are needed')
    this.#base = new URL(url.replace(/\/*$/, '/'), globalThis.location?.href)
    this.#client = client
    this.#cookie = transport === 'cookie'
    this.#scheme = scheme
    this.#keep = keep
    this.#fetch = (...args) => fetch(...args)
    this.#look()
  }

  /** Takes over what is kept, if it is newer: another tab may have renewed the session. */
  #look() {
    const kept = this.#keep?.load()
    if (!kept || this.#got >= (kept.got ?? 0) && this.#got > 0) return
    this.#token = kept.token ?? ''
    this.#expiry = kept.expiry ?? 0
    this.#got = kept.got ?? 0
  }

  /** The last instant at which the session is good, or null: not known, or never. */
  get expiry() {
    return this.#expiry ? new Date(this.#expiry) : null
  }

  /**
   * Signs in.
   *
   * @param {string} username
   * @param {string} password
   * @param {{device?: string}} [more]
   */
  async signIn(username, password, more = {}) {
    const answer = await this.#call('login', { username, password, client: this.#client, ...more })
    if (!this.#cookie && !answer.token) throw new Error('durin: tokens of this client travel in a cookie')
    this.#set(this.#cookie ? '' : answer.token, answer.expiry)
    return answer
  }

  /** Ends this session, on the server and here. One that has ended is no fault. */
  async signOut() {
    await this.#end('logout')
  }

  /** Ends all sessions of the user. */
  async signOutEverywhere() {
    await this.#end('logoutall')
  }

  /** Makes the session last longer. However often it is called at once, one request is sent. */
  async renew() {
    this.#flight ??= this.#call('refresh').then(
      (answer) => this.#set(this.#cookie ? '' : answer.token || this.#token, answer.expiry),
    ).finally(() => { this.#flight = null })
    return this.#flight
  }

  /** Lists the user's sessions. */
  async sessions() {
    return this.#call('sessions', undefined, 'GET')
  }

  /**
   * Ends another session of the user's.
   *
   * @param {number} id
   */
  async endSession(id) {
    await this.#call(`sessions/${encodeURIComponent(id)}`, undefined, 'DELETE')
  }

  /** Ends all sessions of the user's but this one. */
  async endOtherSessions() {
    await this.#call('sessions/others', undefined, 'DELETE')
  }

  /**
   * Is `fetch` for the API: same arguments, same answer. The token goes to the
   * origin of `url` only.
   *
   * @param {RequestInfo | URL} input
   * @param {RequestInit} [init]
   */
  async fetch(input, init) {
    const request = new Request(input, init)
    if (new URL(request.url).origin !== this.#base.origin) return this.#fetch(request)
    this.#look()
    await this.#renewIfDue()
    return this.#fetch(this.#authorized(request))
  }

  #authorized(request) {
    if (this.#cookie) return new Request(request, { credentials: 'include' })
    if (this.#token && !request.headers.has('Authorization')) {
      request.headers.set('Authorization', `${this.#scheme} ${this.#token}`)
    }
    return request
  }

  /** Renews in the last fifth of the life. A failure disturbs nobody yet. */
  async #renewIfDue() {
    const now = Date.now()
    if (!this.#expiry || now > this.#expiry || now < this.#notYet) return
    if (this.#expiry - now > (this.#expiry - this.#got) / 5) return
    try {
      await this.renew()
    } catch {
      this.#notYet = Date.now() + 2000
    }
  }

  async #end(path) {
    try {
      await this.#call(path)
    } catch (error) {
      if (error.status !== 401) throw error
    }
    this.#set('', null)
  }

  #set(token, expiry) {
    const at = expiry ? Date.parse(expiry) : 0
    this.#token = token
    this.#expiry = at || 0
    this.#got = Date.now()
    this.#notYet = 0
    this.#keep?.save(token || (this.#cookie && expiry) ? { token, expiry: this.#expiry, got: this.#got } : null)
  }

  async #call(path, body, method = 'POST') {
    const response = await this.#fetch(this.#authorized(new Request(new URL(`${path}/`, this.#base), {
      method,
      headers: { Accept: 'application/json', ...(body && { 'Content-Type': 'application/json' }) },
      body: body && JSON.stringify(body),
      redirect: 'error', // the API has none, and a password goes nowhere else
      cache: 'no-store',
    })))
    const text = await response.text()
    let answer
    try {
      answer = text ? JSON.parse(text) : undefined
    } catch {
      answer = undefined
    }
    if (response.ok) return answer
    const told = Array.isArray(answer) ? answer : [answer?.detail, ...(answer?.non_field_errors ?? [])].filter(Boolean)
    throw new DurinError(response.status, told.join(' ') || text || response.statusText, Number(response.headers.get('Retry-After')) || undefined)
  }
}

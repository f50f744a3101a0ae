/** What a `keep` keeps between pages. */
export interface Kept {
  token: string
  /** Milliseconds since 1970; 0: unknown, or never. */
  expiry: number
  got: number
}

export interface DurinOptions {
  /** Where the API of Durin is mounted: "/api/auth", or a whole URL. */
  url: string
  /** The name of the API client that sessions are for. */
  client: string
  /** How tokens travel: "cookie" where the client on the server says so. */
  transport?: 'cookie' | 'token'
  /** The word before the token in the Authorization header: "Token". */
  scheme?: string
  /** Keeps the token between pages. A token in localStorage can be read by every script. */
  keep?: { load(): Kept | null | undefined, save(kept: Kept | null): void }
  /** Sends requests, in place of the global fetch. */
  fetch?: typeof globalThis.fetch
}

export interface SignedIn {
  expiry: string | null
  token?: string
  user?: { username: string }
}

export interface Session {
  id: number
  client: string
  created: string
  expiry: string | null
  has_expired: boolean
  is_current: boolean
  expires_in_str: string
}

/** What the server said against a request. */
export class DurinError extends Error {
  constructor(status: number, detail: string, retryAfter?: number)
  readonly status: number
  readonly detail: string
  /** Seconds to wait, where the server tells. */
  readonly retryAfter?: number
}

export class Durin {
  constructor(options: DurinOptions)
  /** The last instant at which the session is good, or null: not known, or never. */
  readonly expiry: Date | null
  signIn(username: string, password: string, more?: { device?: string }): Promise<SignedIn>
  signOut(): Promise<void>
  signOutEverywhere(): Promise<void>
  renew(): Promise<void>
  sessions(): Promise<Session[]>
  endSession(id: number): Promise<void>
  endOtherSessions(): Promise<void>
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
}

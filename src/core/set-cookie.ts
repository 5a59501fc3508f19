// Cookies that go back with a reply (RFC 6265bis), with the attributes that are right for a credential unless somebody says otherwise:
// forgetting one of them is how sessions are stolen.
import type { Reply } from './reply.js'

/** Who gets a cookie back, when, and how long it is kept. */
export interface CookieAttributes {
  /** Whether only encrypted connections carry it; browsers make an exception for localhost. @defaultValue true */
  readonly secure?: boolean
  /** Whether scripts cannot read it. @defaultValue true */
  readonly httpOnly?: boolean
  /**
   * From where requests carry it: `strict`, this site alone; `lax`, following a link to this site, too; `none`, everywhere, which
   * browsers accept only with `secure`. @defaultValue 'lax'
   */
  readonly sameSite?: 'strict' | 'lax' | 'none'
  /** The paths it is sent to: this one and those below. @defaultValue '/' */
  readonly path?: string
  /** The domain it is sent to, subdomains included: `example.com`. @defaultValue the host that set it, and no other */
  readonly domain?: string
  /** How long it is kept, in seconds, 0 or more; it wins over `expires`. @defaultValue until the browser closes */
  readonly maxAgeSeconds?: number
  /** When it is thrown away. @defaultValue as `maxAgeSeconds` says */
  readonly expires?: Date
  /** Whether it is kept apart for each site that this one is embedded in; needs `secure`. @defaultValue false */
  readonly partitioned?: boolean
}

/** Browsers drop larger cookies without a word. */
const maxBytes = 4096

/**
 * Adds a cookie to a reply; those set before stay. The value may be any text: it is percent-encoded. With the name's prefix
 * `__Host-` browsers let nobody but this host set it, with `__Secure-` nobody without encryption, with `__Http-` no script: the
 * attributes that a prefix demands are checked here, as browsers would drop the cookie without a word.
 *
 * Throws `TypeError` for a name, path or domain that no cookie can have, and for attributes that contradict each other or the
 * prefix; `RangeError` for more than 4,096 bytes of name and value and for times that are none; and as `reply.header` does.
 */
export function setCookie(
  reply: Pick<Reply, 'header'>,
  name: string,
  value: string,
  attributes: CookieAttributes = {},
): void {
  reply.header('set-cookie', cookieText(name, value, attributes))
}

/** Has the browser forget a cookie. Path, domain and `partitioned` must be those that it was set with. Throws as {@link setCookie}. */
export function clearCookie(
  reply: Pick<Reply, 'header'>,
  name: string,
  attributes: Omit<CookieAttributes, 'maxAgeSeconds' | 'expires'> = {},
): void {
  setCookie(reply, name, '', { ...attributes, maxAgeSeconds: 0, expires: new Date(0) })
}

const nameRule = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const pathRule = /^\/[\x20-\x3a\x3c-\x7e]*$/
const domainRule = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i

function cookieText(name: string, value: string, attributes: CookieAttributes): string {
  const { secure = true, httpOnly = true, sameSite = 'lax', path = '/', domain, partitioned = false } = attributes
  const { maxAgeSeconds, expires } = attributes
  const mistake = mistakeIn(name, {
    secure,
    httpOnly,
    sameSite,
    path,
    partitioned,
    ...(domain !== undefined && { domain }),
  })
  if (mistake !== undefined) throw new TypeError(`setCookie: ${mistake}`)
  const parts = [`${name}=${encoded(name, value)}`, `Path=${path}`]
  if (domain !== undefined) parts.push(`Domain=${domain}`)
  if (maxAgeSeconds !== undefined) parts.push(`Max-Age=${seconds(name, maxAgeSeconds)}`)
  if (expires !== undefined) parts.push(`Expires=${date(name, expires)}`)
  if (httpOnly) parts.push('HttpOnly')
  if (secure) parts.push('Secure')
  parts.push(`SameSite=${sameSites[sameSite]}`)
  if (partitioned) parts.push('Partitioned')
  return parts.join('; ')
}

/** What is wrong with a cookie, in words: browsers would drop it, or it would say something else than it seems to. */
function mistakeIn(name: string, attributes: CookieAttributes): string | undefined {
  const { secure = true, httpOnly, sameSite = 'lax', path = '/', domain, partitioned } = attributes
  if (!nameRule.test(name)) return `${JSON.stringify(name.slice(0, 64))} cannot be the name of a cookie`
  const cookie = `the cookie '${name}'`
  if (!pathRule.test(path)) return `${cookie} cannot have the path ${JSON.stringify(path)}`
  if (domain !== undefined && !domainRule.test(domain))
    return `${cookie} cannot have the domain ${JSON.stringify(domain)}`
  if (!Object.hasOwn(sameSites, sameSite)) return `${cookie} cannot have the sameSite ${JSON.stringify(sameSite)}`
  if (!secure && sameSite === 'none') return `${cookie} with sameSite 'none' needs secure`
  if (!secure && partitioned === true) return `${cookie} with partitioned needs secure`
  const demanded = demandedBy(name)
  if (demanded.has('secure') && !secure) return `${cookie} needs secure: its prefix says so`
  if (demanded.has('httpOnly') && httpOnly === false) return `${cookie} needs httpOnly: its prefix says so`
  if (demanded.has('host') && (path !== '/' || domain !== undefined))
    return `${cookie} needs the path '/' and no domain: its prefix says so`
  return undefined
}

const sameSites: Readonly<Record<NonNullable<CookieAttributes['sameSite']>, string>> = {
  strict: 'Strict',
  lax: 'Lax',
  none: 'None',
}

type Demand = 'secure' | 'httpOnly' | 'host'

/** Browsers compare the prefix without regard to case, so that no server is fooled that does. */
const prefixes: readonly (readonly [string, ReadonlySet<Demand>])[] = [
  ['__host-http-', new Set<Demand>(['secure', 'httpOnly', 'host'])],
  ['__host-', new Set<Demand>(['secure', 'host'])],
  ['__http-', new Set<Demand>(['secure', 'httpOnly'])],
  ['__secure-', new Set<Demand>(['secure'])],
]
const nothing: ReadonlySet<Demand> = new Set()

function demandedBy(name: string): ReadonlySet<Demand> {
  const lower = name.toLowerCase()
  return prefixes.find(([prefix]) => lower.startsWith(prefix))?.[1] ?? nothing
}

function encoded(name: string, value: string): string {
  let text: string
  try {
    text = encodeURIComponent(value)
  } catch {
    throw new TypeError(`setCookie: the value of the cookie '${name}' is not well-formed text`)
  }
  const bytes = name.length + text.length // both are ASCII
  if (bytes > maxBytes)
    throw new RangeError(`setCookie: the cookie '${name}' has ${bytes} bytes, and browsers keep ${maxBytes}`)
  return text
}

function seconds(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new RangeError(
    `setCookie: maxAgeSeconds of the cookie '${name}' must be a whole number from 0 on, got ${value}`,
  )
}

function date(name: string, value: Date): string {
  const year = value.getUTCFullYear()
  if (year >= 1601 && year <= 9999) return value.toUTCString()
  throw new RangeError(`setCookie: expires of the cookie '${name}' must be a date from the year 1601 to 9999`)
}

// Which names belong to secrets. The name is what a program knows of a value: most secrets look like any other text. Rather too
// many than too few: a value that is hidden by mistake is found at once, a leaked one never.
import { latePattern } from './late.js'

const anywhere = [
  'password',
  'passwd',
  'passphrase',
  'passcode',
  'secret',
  'authorization',
  'cookie',
  'credential',
  'apikey',
  'accesskey',
  'privatekey',
  'authkey',
  'signingkey',
  'encryptionkey',
  'masterkey',
  'sharedkey',
  'accountkey',
  'subscriptionkey',
  'functionskey',
  'idempotencykey',
  'connectionstring',
  'assertion',
  'codeverifier',
]
const atTheEnd = [
  'token',
  'accesstokens',
  'refreshtokens',
  'authtokens',
  'apitokens',
  'signature',
  'sessionid',
  'sessid',
]
const exactly = new Set([
  'auth',
  'bearer',
  'cvc',
  'cvv',
  'dsn',
  'jwt',
  'otp',
  'pass',
  'pw',
  'pwd',
  'sid',
  'sig',
  'tokens',
])

// Programs use the same few names again and again; names out of requests must not fill the memory.
const maxKnown = 500

/**
 * Makes the question whether what is called so must be hidden. Upper case and separators in names make no difference.
 * Throws `TypeError`, beginning with `owner`, for a name without letters or digits, which would match everything.
 */
export function secretNames(
  redact: readonly string[],
  reveal: readonly string[],
  owner: string,
): (name: string) => boolean {
  const checked = (name: string): string => {
    const bare = bareName(name)
    if (bare === '') throw new TypeError(`${owner}: ${JSON.stringify(name)} names no field`)
    return bare
  }
  const contained = [...anywhere, ...redact.map(checked)]
  const revealed = new Set(reveal.map(checked))
  const isSecret = (bare: string): boolean =>
    !revealed.has(bare) &&
    (exactly.has(bare) || atTheEnd.some(end => bare.endsWith(end)) || contained.some(part => bare.includes(part)))
  const known = new Map<string, boolean>()
  return name => {
    const before = known.get(name)
    if (before !== undefined) return before
    const now = isSecret(bareName(name))
    if (known.size < maxKnown && name.length < 100) known.set(name, now)
    return now
  }
}

const separators = latePattern(String.raw`[^\p{L}\p{N}]+`, 'gu')

function bareName(name: string): string {
  return name.toLowerCase().replace(separators(), '')
}

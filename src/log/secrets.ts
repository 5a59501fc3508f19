// Which names belong to secrets. By name and not by value, because the name is what the program knows: a token looks like
// any other text. Rather too many than too few: a value that is hidden by mistake is found at once, a leaked one never.

const anywhere = [
  'password',
  'passwd',
  'passphrase',
  'secret',
  'authorization',
  'cookie',
  'credential',
  'apikey',
  'accesskey',
  'privatekey',
  'idempotencykey',
]
const exactly = new Set(['auth', 'jwt', 'otp', 'pwd', 'sid', 'sessionid', 'tokens'])

// Programs log the same few names again and again; names out of requests must not fill the memory.
const maxKnown = 500

/**
 * Makes the question whether a field's value must be hidden. Upper case and separators in names make no difference.
 * Throws `TypeError` for a name without letters or digits, which would match everything.
 */
export function secrets(redact: readonly string[], reveal: readonly string[]): (name: string) => boolean {
  const contained = [...anywhere, ...redact.map(checked)]
  const revealed = new Set(reveal.map(checked))
  const isSecret = (bare: string): boolean =>
    !revealed.has(bare) && (exactly.has(bare) || bare.endsWith('token') || contained.some(part => bare.includes(part)))
  const known = new Map<string, boolean>()
  return name => {
    const before = known.get(name)
    if (before !== undefined) return before
    const now = isSecret(bareName(name))
    if (known.size < maxKnown && name.length < 100) known.set(name, now)
    return now
  }
}

function checked(name: string): string {
  const bare = bareName(name)
  if (bare === '') throw new TypeError(`logger: ${JSON.stringify(name)} names no field`)
  return bare
}

function bareName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '')
}

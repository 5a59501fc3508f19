// Passwords at rest: scrypt (RFC 7914), which Node has and which costs an attacker memory as well as time. A hash tells its own cost, so
// that the cost can be raised while old hashes go on working.
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** What scrypt costs: OWASP's least for it (N = 2^17, r = 8, p = 1), 128 MiB and some 0.3 s. */
const cost = { N: 2 ** 17, r: 8, p: 1 } as const

/** The longest password that is hashed, in UTF-16 units. */
const maxPasswordLength = 1_024

/**
 * Hashes a password for keeping: `scrypt$17$8$1$salt$key`, in base64url. Takes some 0.3 s in another thread, and 128 MiB. Throws
 * `RangeError` for an empty password and for one of more than 1,024 UTF-16 units.
 */
export async function hashPassword(password: string): Promise<string> {
  if (password.length === 0 || password.length > maxPasswordLength)
    throw new RangeError(`hashPassword: a password must have 1 to ${maxPasswordLength} UTF-16 units`)
  const salt = randomBytes(16)
  const key = await derived(password, salt, cost)
  return ['scrypt', Math.log2(cost.N), cost.r, cost.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/**
 * Whether `password` is the one that `hash` was made of. With `undefined` for the hash, as of a user who does not exist, it takes as
 * long as for a hash that {@link hashPassword} makes now, and is never true. Hashes of another cost tell by the time they take that their
 * users exist: make them anew when their users log in. Throws `TypeError` for a hash that is none.
 */
export async function isPassword(password: string, hash: string | undefined): Promise<boolean> {
  const { salt, key, ...given } = hash === undefined ? nobodys : parsed(hash)
  if (password.length === 0 || password.length > maxPasswordLength) return false
  const same = timingSafeEqual(await derived(password, salt, given), key)
  return same && hash !== undefined
}

interface Cost {
  readonly N: number
  readonly r: number
  readonly p: number
}

interface Hash extends Cost {
  readonly salt: Buffer
  readonly key: Buffer
}

const nobodys: Hash = { ...cost, salt: randomBytes(16), key: randomBytes(32) }

function parsed(hash: string): Hash {
  const [, log2, r, p, salt = '', key = ''] =
    /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([\w-]{22})\$([\w-]{43})$/.exec(hash) ?? wrongHash()
  const found = { N: 2 ** Number(log2), r: Number(r), p: Number(p) }
  if (found.N < 2 || found.N > 2 ** 20 || found.r < 1 || found.r > 16 || found.p < 1 || found.p > 16) wrongHash()
  return { ...found, salt: Buffer.from(salt, 'base64url'), key: Buffer.from(key, 'base64url') }
}

function wrongHash(): never {
  throw new TypeError('isPassword: this is no hash that hashPassword made')
}

function derived(password: string, salt: Buffer, { N, r, p }: Cost): Promise<Buffer> {
  const options = { N, r, p, maxmem: 256 * N * r }
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, 32, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}

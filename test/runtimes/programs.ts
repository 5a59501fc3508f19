// The programs that the package has to run in, as test/runtimes/package.json names them: `npm run runtimes` installs them.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type TestContext, test } from 'vitest'

const isRequired = process.env['TENON_REQUIRE_SERVERS'] === '1'

/** Where each is, by platform and processor, as Node names them. */
const places = {
  bun: {
    'linux-x64': '@oven/bun-linux-x64-baseline/bin/bun',
    'linux-arm64': '@oven/bun-linux-aarch64/bin/bun',
    'darwin-arm64': '@oven/bun-darwin-aarch64/bin/bun',
  },
  deno: {
    'linux-x64': '@deno/linux-x64-glibc/deno',
    'linux-arm64': '@deno/linux-arm64-glibc/deno',
    'darwin-arm64': '@deno/darwin-arm64/deno',
  },
  workerd: {
    'linux-x64': '@cloudflare/workerd-linux-64/bin/workerd',
    'linux-arm64': '@cloudflare/workerd-linux-arm64/bin/workerd',
    'darwin-arm64': '@cloudflare/workerd-darwin-arm64/bin/workerd',
  },
} as const

/** The path of a program, or undefined where it is not installed. */
function programOf(name: keyof typeof places): string | undefined {
  const place: string | undefined = Reflect.get(places[name], `${process.platform}-${process.arch}`)
  if (place === undefined) return undefined
  const path = fileURLToPath(new URL(`node_modules/${place}`, import.meta.url))
  return existsSync(path) ? path : undefined
}

/** Registers the tests of a program; where it is missing, one that says so, or fails where all must be there. */
export function testsWith(name: keyof typeof places, register: (program: string) => void): void {
  const program = programOf(name)
  if (program === undefined) test(name, ({ skip }) => missing(skip, `${name} is not installed: npm run runtimes`))
  else register(program)
}

/** Skips a test for want of a program, or fails it where all must be there. */
function missing(skip: TestContext['skip'], reason: string): never {
  if (isRequired) throw new Error(reason)
  return skip(reason)
}

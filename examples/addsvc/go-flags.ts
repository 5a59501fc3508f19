// Go's package flag, as far as the two programs use it: one dash or two, a value behind a space or an equals sign, and the text that
// explains it all.

/** A flag: its default, and what it is for. One whose default is true or false takes no value. */
export type Flag = readonly [value: string, usage: string]

/** What the originals have and these two have not. */
export const missingFlags = {
  'thrift-addr': [':8083', 'Thrift listen address'],
  'jsonrpc-addr': [':8084', 'JSON RPC listen address'],
  'thrift-protocol': ['binary', 'binary, compact, json, simplejson'],
  'thrift-buffer': ['0', '0 for unbuffered'],
  'thrift-framed': ['false', 'true to enable framing'],
  'zipkin-url': ['', 'Enable Zipkin tracing via HTTP reporter URL e.g. http://localhost:9411/api/v2/spans'],
  'zipkin-ot-bridge': ['false', 'Use Zipkin OpenTracing bridge instead of native implementation'],
  'lightstep-token': ['', 'Enable LightStep tracing via a LightStep access token'],
  'appdash-addr': ['', 'Enable Appdash tracing via an Appdash server host:port'],
} as const

/** Ends the process where a flag was set of which nothing would come. */
export function refuseMissing(flags: Readonly<Record<string, Flag>>, values: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(missingFlags)) {
    if (values[name] !== flags[name]?.[0]) exitWith(2, `-${name} is not there yet\n`)
  }
}

/** What a command line says. */
export interface Flags<Name extends string> {
  readonly values: Readonly<Record<Name, string>>
  /** What is no flag. */
  readonly args: readonly string[]
}

/** Reads a command line; ends the process as Go does where it makes no sense, or asks for help. */
export function parseFlags<Name extends string>(
  program: string,
  flags: Readonly<Record<Name, Flag>>,
  argv: readonly string[],
): Flags<Name> {
  const values: Record<string, string> = Object.fromEntries(
    Object.entries<Flag>(flags).map(([name, [value]]) => [name, value]),
  )
  let index = 0
  for (; index < argv.length; index++) {
    const word = argv[index] ?? ''
    if (!/^--?[^-]/.test(word)) break
    const [, name = '', given] = /^--?([^=]*)(?:=(.*))?$/s.exec(word) ?? []
    if (name === 'h' || name === 'help') exitWith(0, usageOf(program, flags))
    if (!Object.hasOwn(flags, name)) exitWith(2, `flag provided but not defined: -${name}\n${usageOf(program, flags)}`)
    const isBoolean = /^(true|false)$/.test(flags[name as Name][0]) // it is one of them
    const value = given ?? (isBoolean ? 'true' : argv[++index])
    if (value === undefined) exitWith(2, `flag needs an argument: -${name}\n${usageOf(program, flags)}`)
    values[name] = value
  }
  if (argv[index] === '--') index++
  return { values: values as Record<Name, string>, args: argv.slice(index) } // each flag has its default
}

/** As the programs write it. */
export function usageOf(program: string, flags: Readonly<Record<string, Flag>>): string {
  const rows = Object.entries(flags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, [value, usage]]) => [`-${name} ${value}`, usage] as const)
  const width = Math.max(...rows.map(([head]) => head.length)) + 2
  return `USAGE\n  ${program}\n\nFLAGS\n${rows.map(([head, usage]) => `  ${head.padEnd(width)}${usage}\n`).join('')}\n`
}

/** Ends the process with a text on stderr. */
export function exitWith(code: number, text: string): never {
  process.stderr.write(text)
  process.exit(code)
}

/** Host and port of an address such as `:8081`, which is all addresses of this machine. */
export function hostPort(address: string): { readonly host: string; readonly port: number } {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? []
  if (port === '') throw new TypeError(`'${address}' is no address such as :8081`)
  return { host: host.replace(/^\[|\]$/g, '') || '::', port: Number(port) }
}

// The port of Go kit's stringsvc2 counts and logs under the original's names: the real Go program is built, started, and asked the same.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Program } from './program.js'
import { SideBySide } from './side-by-side.js'

const requests: readonly (readonly [path: string, body: string])[] = [
  ['/uppercase', '{"s":"hello, world"}'],
  ['/uppercase', '{"s":"Tür \\" = \\\\ 😀"}'],
  ['/uppercase', '{"s":""}'],
  ['/uppercase', '{"s":'],
  ['/count', '{"s":"hello, world"}'],
  ['/count', '{"s":"Tür"}'],
  ['/count', '{"s":""}'],
  ['/count', '{"s":1}'],
]

describe('stringsvc2', () => {
  const both = new SideBySide('stringsvc2')

  const ask = async (port: number, [path, body]: readonly [string, string]) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body })
    return [response.status, response.headers.get('content-type'), await response.text()]
  }

  beforeAll(async () => {
    if (!(await both.start(page))) return
    const { ourPort, originalPort } = both
    for (const request of requests) expect(await ask(ourPort, request)).toEqual(await ask(originalPort, request))
  }, 180_000)
  afterAll(() => both.stop())

  it('shows the same metrics under the same names, with the same types, labels, help and values', async ({ skip }) => {
    if (both.missing !== '') skip(both.missing)
    const [theirs, own] = await Promise.all([page(both.originalPort), page(both.ourPort)])
    expect(theirs.length).toBe(17)
    expect(own).toEqual(theirs)
  })

  it('shows them as the same type of content', async ({ skip }) => {
    if (both.missing !== '') skip(both.missing)
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5'
    const types = await Promise.all(
      [both.originalPort, both.ourPort].map(async port => {
        const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept } })
        return response.headers.get('content-type')
      }),
    )
    expect(types[1]).toBe(types[0])
  })

  it('logs the same fields with the same values, but for time, level and message before them', ({ skip }) => {
    if (both.missing !== '') skip(both.missing)
    const theirs = linesOf(both.original)
    const own = linesOf(both.ours)
    expect(theirs).toHaveLength(6)
    expect(own).toEqual(theirs)
  })
})

/** The lines about the service, in order, without how long anything took. */
async function page(port: number): Promise<readonly string[]> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const lines = text.split('\n').filter(line => line.includes('my_group_string_service'))
  return lines.map(line => line.replace(/(_latency_microseconds_sum\{.*\}) [\d.e-]+$/, '$1 …')).sort()
}

/** The fields of each call's line, in order. Not by the strict parser: Go leaves quotes away from empty values, and from letters beyond ASCII. */
function linesOf(program: Program | undefined): readonly (readonly (readonly [string, string])[])[] {
  const lines = (program?.output() ?? '').split('\n').filter(line => line.includes('method='))
  return lines.map(line =>
    [...line.matchAll(/(\w+)=(?:("(?:[^"\\]|\\.)*")|(\S*))/g)]
      .filter(([, name = '']) => !['time', 'level', 'message'].includes(name))
      .map(
        ([, name = '', inQuotes, bare = '']) =>
          [name, inQuotes === undefined ? bare : String(JSON.parse(inQuotes))] as const,
      )
      .map(([name, value]) => [name, name === 'took' ? value.replace(/^[\d.]+(?:ns|µs|ms)$/, 'T') : value] as const),
  )
}

// Go kit's addsvc and addcli against ours, both ways, over HTTP and gRPC: the real Go programs, which `.ci/run` builds.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cached, freePorts } from '../integration/server-program.js'
import { type Program, start, startBundled, startScript } from './program.js'

const server = cached('gokit-addsvc-0.10.0')
const client = cached('gokit-addcli-0.10.0')
const isHere = existsSync(server) && existsSync(client)
const required = process.env['TENON_REQUIRE_SERVERS'] === '1'

interface Addresses {
  readonly debug: string
  readonly http: string
  readonly grpc: string
}

/** What a client printed, and with what it exited. */
type Called = readonly [code: number, text: string]

describe('addsvc', { timeout: 120_000 }, () => {
  const programs: Program[] = []
  let theirs: Addresses
  let ours: Addresses

  beforeAll(async () => {
    if (!isHere && !required) return
    const [a, b, c, d, e, f, g, h] = (await freePorts(8)).map(port => `127.0.0.1:${port}`)
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('there are no ports')
    if (e === undefined || f === undefined || g === undefined || h === undefined) throw new Error('there are no ports')
    theirs = { debug: a, http: b, grpc: c }
    ours = { debug: d, http: e, grpc: f }
    const flags = ({ debug, http, grpc }: Addresses) => [
      '-debug.addr',
      debug,
      `-http-addr=${http}`,
      '--grpc-addr',
      grpc,
    ]
    const original = start(server, [...flags(theirs), '-thrift-addr', g, '-jsonrpc-addr', h])
    const own = startScript('examples/run.ts', ['addsvc', ...flags(ours)])
    programs.push(original, own)
    await Promise.all([
      original.waitFor(/transport=gRPC/),
      original.waitFor(/transport=HTTP/),
      own.waitFor(/message=listening/),
    ])
  }, 120_000)

  afterAll(async () => {
    for (const program of programs) await program.stop()
  })

  const needGo = (skip: (reason: string) => void): void => {
    if (!isHere && !required) skip(`there is no ${server}: .ci/run builds it`)
  }

  const goClient = (...args: string[]): Promise<Called> =>
    new Promise(resolve => {
      execFile(client, args, (error, stdout, stderr) => resolve([Number(error?.code ?? 0), stdout + stderr]))
    })

  const ourClient = async (...args: string[]): Promise<Called> => {
    const program = startBundled('examples/addcli/main.ts', args)
    const code = Number(await program.ended)
    return [code, program.output()]
  }

  /** Sums are limited to one in a second, by the original as by ours: one that was refused is tried again when there is another. */
  const paced = async (client: (...args: string[]) => Promise<Called>, ...args: string[]): Promise<Called> => {
    for (let tries = 0; ; tries++) {
      const called = await client(...args)
      if (tries === 30 || !/rate limit exceeded|500 Internal Server Error/.test(called[1])) return called
      await new Promise(resolve => setTimeout(resolve, 1_050))
    }
  }

  it('is called by the original client, with the results of the original', async ({ skip }) => {
    needGo(skip)
    const calls: readonly (readonly string[])[] = [
      ['1', '2'],
      ['0', '0'],
      ['2147483647', '1'],
      ['-method', 'concat', 'a"é', 'b'],
      ['-method', 'concat', '', ''],
      ['-method=concat', 'abcdef', 'ghijkl'],
    ]
    const all = async ({ http, grpc }: Addresses): Promise<readonly Called[]> => {
      const found: Called[] = []
      for (const args of calls) {
        found.push(await paced(goClient, '-grpc-addr', grpc, ...args))
        // Of sums one over HTTP is enough, which takes a second.
        if (args !== calls[1] && args !== calls[2]) found.push(await paced(goClient, '-http-addr', http, ...args))
      }
      return found
    }
    const [expected, found] = await Promise.all([all(theirs), all(ours)])
    expect(found).toEqual(expected)
    expect(expected.map(([code]) => code)).toEqual([0, 0, 1, 1, 0, 0, 0, 0, 1, 1])
  })

  it('gives the same bytes over HTTP', async ({ skip }) => {
    needGo(skip)
    const requests: readonly (readonly [path: string, body: string, method?: string])[] = [
      ['/concat', '{"A":"1","B":"2"}'],
      ['/concat', '{"a":"<é>","b":"","c":1}'],
      ['/concat', '{"a":"1"} and more', 'PUT'],
      ['/concat', '{"A":"abcdef","B":"ghijkl"}'],
      ['/concat', '{"A":1}'],
      ['/concat', ''],
      ['/concat', '[]'],
      ['/sum', '{'],
      ['/sum', '{"A":1.5,"B":2}'],
      ['/sum', '{"A":"1"}'],
      ['/sum', '{"b":9223372036854775808}'],
      ['/sum', '7'],
      ['/concat/', '{"A":"1","B":"2"}'],
      ['/concat/more?x', '{"A":"1","B":"2"}'],
      ['/concat?x', '{"A":"1","B":"2"}'],
    ]
    const ask = async (address: string) => {
      const answers: unknown[] = []
      for (const [path, body, method = 'POST'] of requests) {
        const response = await fetch(`http://${address}${path}`, { method, body })
        answers.push([path, body, response.status, response.headers.get('content-type'), await response.text()])
      }
      return answers
    }
    expect(await ask(ours.http)).toEqual(await ask(theirs.http))
  })

  // One request a second: the limit of both.
  it.for([
    ['{"A":5000000000,"B":-1}', 200, '{"v":4999999999}\n'],
    ['{"A":9223372036854775807,"B":-1}', 200, '{"v":9223372036854775806}\n'],
    ['{"A":5000000000,"B":0}', 200, '{"v":5000000000}\n'],
    ['{"A":5000000000,"B":1}', 400, '{"error":"integer overflow"}\n'],
    ['{"A":-2147483648,"B":-1}', 400, '{"error":"integer overflow"}\n'],
  ] as const)('adds %s beyond 32 bits as the original does', async ([body, status, text], { skip }) => {
    needGo(skip)
    const sum = async (address: string) => {
      for (let tries = 0; ; tries++) {
        const response = await fetch(`http://${address}/sum`, { method: 'POST', body })
        const answer = [response.status, await response.text()] as const
        if (tries === 30 || response.status !== 500) return answer
        await new Promise(resolve => setTimeout(resolve, 1_050))
      }
    }
    const [original, own] = await Promise.all([sum(theirs.http), sum(ours.http)])
    expect(original).toEqual([status, text])
    expect(own).toEqual(original)
  })

  it('has the metrics of the original', async ({ skip }) => {
    needGo(skip)
    const names = async (address: string) => {
      const text = await (await fetch(`http://${address}/metrics`)).text()
      return text
        .split('\n')
        .filter(line => /^# .*example_addsvc_/.test(line))
        .sort()
    }
    const expected = await names(theirs.debug)
    expect(expected).toHaveLength(6)
    expect(await names(ours.debug)).toEqual(expected)
  })

  it('has a client that calls the original', async ({ skip }) => {
    needGo(skip)
    const { http, grpc } = theirs
    const [sum, large, tooLong, quoted, none] = await Promise.all([
      paced(ourClient, '-grpc-addr', grpc, '1', '2'),
      paced(ourClient, '-http-addr', http, '--', '9223372036854775807', '-1'),
      ourClient('-http-addr', http, '-method', 'concat', 'abcdef', 'ghijkl'),
      ourClient('-grpc-addr', grpc, '-method', 'concat', 'a"é\u0007\u007f', 'b'),
      ourClient('-http-addr', http, 'one', '2'),
    ])
    expect(sum).toEqual([0, '1 + 2 = 3\n'])
    expect(large).toEqual([0, '9223372036854775807 + -1 = 9223372036854775806\n'])
    expect(tooLong).toEqual([1, 'error: result exceeds maximum size\n'])
    expect(quoted).toEqual(await goClient('-grpc-addr', grpc, '-method', 'concat', 'a"é\u0007\u007f', 'b'))
    expect(none).toEqual([1, 'error: "one" is no integer of 64 bits\n'])
  })

  it('survives a negative sum, which ends the original', async ({ skip }) => {
    needGo(skip)
    expect(await paced(goClient, '-grpc-addr', ours.grpc, '--', '-5', '2')).toEqual([0, '-5 + 2 = -3\n'])
    const { code, text } = await paced(goClient, '-grpc-addr', theirs.grpc, '--', '-5', '2').then(([code, text]) => ({
      code,
      text,
    }))
    expect(code).toBe(1)
    expect(text).toMatch(/transport is closing|Unavailable/)
  })
})

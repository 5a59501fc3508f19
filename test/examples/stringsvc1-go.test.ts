// The port of Go kit's stringsvc1 answers as the original does: the real Go program is built, started, and asked the same.
import { request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildGoExample, type GoProgram } from './go-example.js'
import { freePort, type Program, start, startScript } from './program.js'
import { type Request, requests } from './stringsvc1-requests.js'

interface Answer {
  readonly status: number | undefined
  readonly contentType: string | undefined
  readonly body: string
}

/** With node:http, because fetch refuses a GET with a body. */
function ask(port: number, { method = 'POST', path = '/uppercase', body, headers = {} }: Request): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const framing =
      body === undefined || 'transfer-encoding' in headers ? {} : { 'content-length': Buffer.byteLength(body) }
    const options = { host: '127.0.0.1', port, method, path, headers: { ...framing, ...headers }, agent: false }
    const sent = httpRequest(options, response => {
      text(response).then(
        received =>
          resolve({ status: response.statusCode, contentType: response.headers['content-type'], body: received }),
        reject,
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** The answers by the names of the requests, so that a difference shows where it is. */
async function askAll(port: number, group: readonly Request[]): Promise<Record<string, Answer>> {
  const answers: Record<string, Answer> = {}
  for (const each of group) answers[each.name] = await ask(port, each)
  expect(Object.keys(answers)).toHaveLength(group.length)
  return answers
}

async function untilItAnswers(port: number, program: Program): Promise<void> {
  for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 20) {
    if (await ask(port, { name: '', method: 'GET' }).catch(() => undefined)) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error(`the Go program does not answer:\n${program.output()}`)
}

const required = process.env['TENON_REQUIRE_SERVERS'] === '1'

describe('stringsvc1', () => {
  let missing = ''
  let program: GoProgram | undefined
  let original: Program | undefined
  let ours: Program | undefined
  let originalPort = 0
  let ourPort = 0

  beforeAll(async () => {
    try {
      program = await buildGoExample('stringsvc1')
    } catch (error) {
      if (required) throw error
      missing = `Go kit's stringsvc1 cannot be built here: ${String(error).split('\n', 1)[0]}`
      return
    }
    originalPort = await freePort()
    original = start(program.path, [`127.0.0.1:${originalPort}`])
    ours = startScript('examples/run.ts', ['stringsvc1', '--port', '0'])
    ourPort = Number((await ours.waitFor(/port (\d+)/))[1])
    await untilItAnswers(originalPort, original)
  }, 180_000)

  afterAll(async () => {
    await Promise.all([original?.stop(), ours?.stop()])
    await program?.remove()
  })

  it.for(requests)('answers %s as Go kit does', async ([_, group], { skip }) => {
    if (missing !== '') skip(missing)
    const [expected, actual] = await Promise.all([askAll(originalPort, group), askAll(ourPort, group)])
    expect(actual).toEqual(expected)
  })

  it('has the same capital as Go kit for each character for which both know one', async ({ skip }) => {
    if (missing !== '') skip(missing)
    const all = Array.from({ length: 0x11_0000 }, (_, code) => String.fromCodePoint(code)).filter(
      character => character.isWellFormed() && /[^\p{C}]/u.test(character),
    )
    const capitals = async (port: number): Promise<string[]> => {
      const { body } = await ask(port, { name: '', body: JSON.stringify({ s: all.join('\n') }) })
      const { v }: { v: string } = JSON.parse(body)
      return v.split('\n')
    }
    const [expected, actual] = await Promise.all([capitals(originalPort), capitals(ourPort)])
    const unlike = all.flatMap((character, i) => {
      const [theirs = '', own = ''] = [expected[i], actual[i]]
      // The two may have been made with different versions of Unicode: letters that one knows no capital for stay as they are.
      const isNewer = [...own].length === 1 && (theirs === character || own === character)
      return theirs === own || isNewer ? [] : [`${character}: ${theirs}, not ${own}`]
    })
    expect(unlike).toEqual([])
    expect(actual.length).toBe(all.length)
  })
})

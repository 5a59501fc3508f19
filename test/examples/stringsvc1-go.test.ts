// The port of Go kit's stringsvc1 answers as the original does: the real Go program is built, started, and asked the same.
import { request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SideBySide } from './side-by-side.js'
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

describe('stringsvc1', () => {
  const both = new SideBySide('stringsvc1')
  beforeAll(async () => {
    await both.start(port => ask(port, { name: '', method: 'GET' }))
  }, 180_000)
  afterAll(() => both.stop())

  it.for(requests)('answers %s as Go kit does', async ([_, group], { skip }) => {
    if (both.missing !== '') skip(both.missing)
    const [expected, actual] = await Promise.all([askAll(both.originalPort, group), askAll(both.ourPort, group)])
    expect(actual).toEqual(expected)
  })

  it('has the same capital as Go kit for each character for which both know one', async ({ skip }) => {
    if (both.missing !== '') skip(both.missing)
    const all = Array.from({ length: 0x11_0000 }, (_, code) => String.fromCodePoint(code)).filter(
      character => character.isWellFormed() && /[^\p{C}]/u.test(character),
    )
    const capitals = async (port: number): Promise<string[]> => {
      const { body } = await ask(port, { name: '', body: JSON.stringify({ s: all.join('\n') }) })
      const { v }: { v: string } = JSON.parse(body)
      return v.split('\n')
    }
    const [expected, actual] = await Promise.all([capitals(both.originalPort), capitals(both.ourPort)])
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

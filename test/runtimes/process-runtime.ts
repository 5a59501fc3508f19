// A runtime that runs programs, like Bun and Deno: the conformance suite inside it, and calls between it and Node.
import { conformanceTests, transportConformance } from 'tenon/testkit'
import * as http from 'tenon/transport/http'
import * as fetch from 'tenon/transport/http/fetch'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { start } from '../examples/program.js'
import { served } from '../transport/http/served.js'
import { type Built, built } from './built.js'
import { type Crossing, crossingCases } from './inside/crossing.js'
import { demo } from './inside/demo.js'
import type { Told } from './inside/program.js'
import { remoteTests } from './remote-cases.js'

export interface ProcessRuntime {
  /** Of its program in `inside`, too. */
  readonly name: string
  readonly command: string
  /** What comes before the path of the program. */
  readonly args: readonly string[]
}

/** Registers the tests of a runtime. */
export function processRuntimeTests({ name, command, args }: ProcessRuntime): void {
  let files: Built
  let program: string
  beforeAll(async () => {
    files = built()
    program = await files.bundle(name)
  })
  afterAll(() => files.remove())

  const ask = async (...task: string[]): Promise<readonly Told[]> => {
    const running = start(command, [...args, program, ...task])
    await running.ended
    const [, told] = running.output().match(/^told (.*)$/m) ?? []
    if (told === undefined) throw new Error(`${name} told nothing, but:\n${running.output()}`)
    return JSON.parse(told)
  }

  describe(`server and client in ${name}`, () => remoteTests(transportConformance, () => ask('suite')))

  describe(`a client in ${name}, a server in Node`, () =>
    remoteTests(crossingCases, async () => {
      const { address } = await served([demo()])
      return await ask('call', address)
    }))

  describe.each([
    { client: 'the HTTP client', connectTo: (address: string) => http.client(address) },
    { client: 'the fetch client', connectTo: (address: string) => fetch.client(address) },
  ])(`a server in ${name}, $client in Node`, ({ connectTo }) => {
    const crossing = { client: fetch.client('http://nowhere.test') } as { client: Crossing['client'] }
    let stop = async (): Promise<unknown> => undefined
    beforeAll(async () => {
      const running = start(command, [...args, program, 'serve'])
      stop = () => running.stop('SIGKILL') // what it does on SIGTERM is its own affair
      const [, address = ''] = await running.waitFor(/^serving at (\S+)$/m)
      crossing.client = connectTo(address)
    })
    afterAll(async () => {
      await crossing.client.close()
      await stop()
    })
    for (const each of conformanceTests(crossingCases, crossing)) test(each.name, { timeout: 60_000 }, each.run)
  })
}

// An example of Go kit and its port, both running: the real Go program is built and started, and asked the same as ours.
import { buildGoExample, type GoExample, type GoProgram } from './go-example.js'
import { freePort, type Program, start, startBundled } from './program.js'

const required = process.env['TENON_REQUIRE_SERVERS'] === '1'

export class SideBySide {
  readonly name: GoExample
  /** Why the original is not there; empty where it is. */
  missing = ''
  originalPort = 0
  /** Lines of the original's source. */
  originalLines = 0
  ourPort = 0
  original: Program | undefined
  ours: Program | undefined
  #program: GoProgram | undefined

  constructor(name: GoExample) {
    this.name = name
  }

  /**
   * Builds the original and starts both, on free ports; resolves when the original answers `isThere`. False where it cannot be built,
   * unless it must. `flags` are for either.
   */
  async start(isThere: (port: number) => Promise<unknown>, flags: readonly string[] = []): Promise<boolean> {
    try {
      this.#program = await buildGoExample(this.name)
    } catch (error) {
      if (required) throw error
      this.missing = `Go kit's ${this.name} cannot be built here: ${String(error).split('\n', 1)[0]}`
      return false
    }
    this.originalLines = this.#program.lines
    this.originalPort = await freePort()
    this.original = start(this.#program.path, flags, { ADDRESS: `127.0.0.1:${this.originalPort}` })
    this.ours = startBundled(`examples/${this.name}/main.ts`, flags, { PORT: '0' })
    this.ourPort = Number((await this.ours.waitFor(/port (\d+)/))[1])
    for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 20) {
      if (await isThere(this.originalPort).catch(() => undefined)) return true
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    throw new Error(`the Go program does not answer:\n${this.original.output()}`)
  }

  async stop(): Promise<void> {
    await Promise.all([this.original?.stop(), this.ours?.stop()])
    await this.#program?.remove()
  }
}

// One named readiness check. Bounded, and never run twice at once: a check that hangs would otherwise pile up runs, each holding
// a connection of the very dependency that is in trouble.
import type { Awaitable, Clock } from '../core/index.js'
import type { OnLifecycleEvent } from './event.js'
import { attempt, within } from './within.js'

/**
 * Finds out whether something that calls depend on is there. Fails by returning `false` or a text that says what is wrong, or by
 * throwing; the text is shown on `/readyz`, what is thrown goes to `onEvent` only. `signal` aborts when the time is over.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: what an async function without a return gives, which is the common check
export type Check = (signal: AbortSignal) => Awaitable<void | string | boolean>

interface Surroundings {
  readonly timeoutMs: number
  readonly clock: Clock
  readonly onEvent: OnLifecycleEvent
}

/** What a check that passes says. */
export const passed = 'ok'

/** A check and how it last ended. */
export class NamedCheck {
  readonly name: string
  readonly #check: Check
  readonly #surroundings: Surroundings
  #running = false
  #failing = false

  constructor(name: string, check: Check, surroundings: Surroundings) {
    this.name = name
    this.#check = check
    this.#surroundings = surroundings
  }

  /** {@link passed}, or what is wrong. Never rejects. */
  async run(): Promise<string> {
    if (this.#running) return 'timed out, and still runs'
    const { timeoutMs, clock } = this.#surroundings
    const controller = new AbortController()
    this.#running = true
    let said = ''
    let thrown: { readonly cause: unknown } | undefined
    const work = attempt(() => this.#check(controller.signal))
      .then(
        result => {
          said = textOf(result)
        },
        cause => {
          said = 'failed'
          thrown = { cause }
        },
      )
      .finally(() => {
        this.#running = false
      })
    const inTime = await within(work, timeoutMs, clock)
    if (!inTime) controller.abort(new DOMException(`${this.name} took longer than ${timeoutMs} ms`, 'TimeoutError'))
    this.#tell(inTime ? said : `timed out after ${timeoutMs} ms`, inTime ? thrown : undefined)
    return inTime ? said : `timed out after ${timeoutMs} ms`
  }

  #tell(said: string, thrown: { readonly cause: unknown } | undefined): void {
    const failing = said !== passed
    if (failing === this.#failing) return // told once, not at each probe
    this.#failing = failing
    const { onEvent } = this.#surroundings
    if (failing) onEvent({ type: 'check-failed', check: this.name, why: said, ...thrown })
    else onEvent({ type: 'check-recovered', check: this.name })
  }
}

function textOf(result: unknown): string {
  if (result === undefined || result === true) return passed
  return typeof result === 'string' && result !== '' ? result : 'failed'
}

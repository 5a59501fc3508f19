// Rules that casbin decides, by policies that change while calls go on. casbin's own `loadPolicy` empties the model before it fills it again,
// and a decision reads the model as it goes: so policies are never changed, but loaded into an enforcer of their own, which then replaces
// the one in force. Go kit's adapter makes an enforcer for each request; this makes one for each version of the policies.
import type { Enforcer } from 'casbin'
import { observe } from '../../core/call-error.js'
import { CallError, type Clock, failureOf } from '../../core/index.js'
import { inTime, TookTooLong } from '../in-time.js'
import type { Asked, Rule } from '../rule.js'
import { type CasbinEvent, type CasbinOptions, type CheckedOptions, checked } from './casbin-options.js'
import { measured } from './policies.js'

/** What a request of casbin's is made of: names, or objects for models that look at attributes. */
export type CasbinValue = string | number | boolean | object

/** What is asked: who, what and how, in the order of the model's `request_definition`, which may have more. */
export type CasbinRequest = readonly [sub: CasbinValue, obj: CasbinValue, act: CasbinValue, ...more: CasbinValue[]]

/** Policies of casbin, in force. */
export interface Casbin {
  /** Which load is in force: 1 for the first, one more for each that has replaced it. */
  readonly version: number
  /**
   * A rule for `authorize`. `ask` says what casbin is asked; it should be pure. Denied is whatever no policy allows. Fails with
   * `internal`/`POLICY_BROKEN` where casbin throws, or the request does not fit the model or has something empty in it, and with
   * `unavailable`/`POLICY_UNAVAILABLE` where a decision takes longer than `timeoutMs`; both refuse the call. Throws `TypeError` for
   * no name.
   */
  rule<P, Req = unknown>(name: string, ask: (asked: Asked<P, Req>) => CasbinRequest): Rule<P, Req>
  /**
   * Loads the policies again: for a watcher's `setUpdateCallback`, a timer, a signal. All at once: a call sees the old or the new ones.
   * Where they cannot be loaded, do not say what they seem to, are none where there were some, or fail the `check`, the old ones stay. Asked
   * for again while it loads, it loads once more behind that. Resolves to whether those that were loaded came into force; never rejects.
   */
  reload(): Promise<boolean>
}

/**
 * Loads policies, to make rules of. Rejects where they cannot be loaded or do not say what they seem to, as a reload refuses them, and
 * with `TypeError` or `RangeError` for wrong options.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { newEnforcer, newModelFromString, StringAdapter } from 'casbin'
 * import { call, fromPromise, isRight } from 'tenon'
 * import { authorize } from 'tenon/auth'
 * import { casbin } from 'tenon/auth/casbin'
 *
 * const model = `
 * [request_definition]
 * r = sub, obj, act
 * [policy_definition]
 * p = sub, obj, act
 * [policy_effect]
 * e = some(where (p.eft == allow))
 * [matchers]
 * m = r.sub == p.sub && r.obj == p.obj && r.act == p.act
 * `
 * const policies = await casbin({
 *   load: () => newEnforcer(newModelFromString(model), new StringAdapter('p, ada, orders, cancel')),
 * })
 * const mayCancel = policies.rule('cancel', ({ principal }: { principal: { id: string } }) => [principal.id, 'orders', 'cancel'])
 * const cancel = authorize(mayCancel)(fromPromise(async ({ id }: { id: string }) => `cancelled ${id}`))
 * assert.ok(isRight(await call(cancel, { id: '7' }, { provide: { principal: { id: 'ada' } } })))
 * ```
 */
export async function casbin(options: CasbinOptions): Promise<Casbin> {
  const loaded = new LoadedPolicies(checked(options))
  await loaded.start()
  return loaded
}

interface InForce {
  readonly enforcer: Enforcer
  /** How many values a request has. */
  readonly size: number
  readonly policies: number
}

class LoadedPolicies implements Casbin {
  version = 0
  readonly #options: CheckedOptions
  #inForce: InForce | undefined
  #loading: Promise<boolean> | undefined
  #next: Promise<boolean> | undefined

  constructor(options: CheckedOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    this.#inForce = await this.#load()
    this.version = 1
  }

  reload(): Promise<boolean> {
    if (this.#loading === undefined) return this.#replace()
    // What has changed may have been read before: one more load, for all who ask meanwhile.
    this.#next ??= this.#loading.then(() => {
      this.#next = undefined
      return this.#replace()
    })
    return this.#next
  }

  rule<P, Req = unknown>(name: string, ask: (asked: Asked<P, Req>) => CasbinRequest): Rule<P, Req> {
    if (typeof name !== 'string' || name === '' || typeof ask !== 'function')
      throw new TypeError('casbin: a rule needs a name and a function')
    return { name: `casbin(${name})`, allows: asked => this.#decide(ask(asked), asked.context.clock) }
  }

  async #decide(request: CasbinRequest, clock: Clock): Promise<boolean> {
    const { enforcer, size } = this.#inForce as InForce // there is none before the first, and no rule either
    const wrong = wrongWith(request, size)
    if (wrong !== undefined) throw broken(wrong)
    const patience = { limitMs: this.#options.timeoutMs, clock, what: 'casbin' }
    try {
      return (await inTime(() => enforcer.enforce(...request), patience)) === true
    } catch (thrown) {
      throw thrown instanceof TookTooLong ? undecided(thrown) : broken(thrown)
    }
  }

  #replace(): Promise<boolean> {
    this.#loading = this.#load()
      .then(
        loaded => {
          this.#inForce = loaded
          this.version++
          this.#tell({ type: 'reloaded', version: this.version, policies: loaded.policies })
          return true
        },
        (cause: unknown) => {
          this.#tell({ type: 'refused', version: this.version, cause })
          return false
        },
      )
      .finally(() => {
        this.#loading = undefined
      })
    return this.#loading
  }

  #load(): Promise<InForce> {
    const { load, check, loadTimeoutMs: limitMs, clock } = this.#options
    const loaded = async (): Promise<InForce> => {
      const enforcer = await load()
      const { policies, size } = measured(enforcer)
      if (policies === 0 && (this.#inForce?.policies ?? 0) > 0)
        throw new TypeError('casbin: there are no policies any more')
      if (enforcer === this.#inForce?.enforcer) throw new TypeError('casbin: load gave the enforcer that is in force')
      await check?.(enforcer)
      return { enforcer, policies, size }
    }
    return inTime(loaded, { limitMs, clock, what: 'loading policies' })
  }

  #tell(event: CasbinEvent): void {
    const { onEvent } = this.#options
    if (onEvent !== undefined) observe(onEvent, event)
  }
}

/** What casbin would compare with what is missing elsewhere: where there are no policies, it takes each field of one for an empty text. */
function wrongWith(request: CasbinRequest, size: number): string | undefined {
  if (!Array.isArray(request) || request.length !== size) return `the rule does not ask for ${size} values`
  const empty = request.findIndex(value => value === undefined || value === null || value === '')
  return empty === -1 ? undefined : `value ${empty} of what the rule asks is empty`
}

function broken(cause: unknown): CallError {
  return new CallError(failureOf('internal', 'POLICY_BROKEN', 'the policies cannot be applied', { ran: 'no', cause }))
}

function undecided(cause: unknown): CallError {
  const message = 'whether this is allowed cannot be told now'
  return new CallError(failureOf('unavailable', 'POLICY_UNAVAILABLE', message, { ran: 'no', cause }))
}

// What stands behind every middleware that has options: they are checked in one way, can be changed while calls go on, and
// what the policy does is told in one stream of events. Its state (a window, tokens, calls in flight) outlives the change.

import { around, type Interceptor, intercept } from './around.js'
import { observe } from './call-error.js'
import type { Middleware } from './endpoint.js'
import type { LintRule } from './explanation.js'
import type { Layer } from './layer.js'
import type { MethodInfo } from './method.js'
import { checkedOptions, fixed, functionOption, type OptionRules, optional, shownOptions } from './option-rules.js'

/** What every event of a policy tells. */
export interface PolicyEvent {
  /** What the policy is called: its `name` option, else its kind. */
  readonly policy: string
  /** What it is: `breaker`. */
  readonly kind: string
  /** What happened: `opened`. */
  readonly type: string
  /** `service/method`, where one call of a known method caused it. */
  readonly method?: string
}

/** What every policy may be given besides its own options. */
export interface PolicyOptions<Event extends PolicyEvent = PolicyEvent> {
  /** What `explain` and events call it: for several of a kind. Cannot change. @defaultValue its kind */
  readonly name?: string
  /** Told of each event as it happens. Never awaited; what it throws, or rejects with, is reported as a defect. Cannot change. @defaultValue nobody */
  readonly onEvent?: (event: Event) => void
}

/** Changes of options. One given as `undefined` is as if it had never been given. */
export type OptionChanges<O extends object> = { readonly [K in keyof O]?: O[K] | undefined }

/** What every policy has besides being a middleware. */
export interface PolicyControls<O extends object, Event extends PolicyEvent = PolicyEvent> {
  /** What it is called. */
  readonly policy: string
  /** The options in force, defaults included. A new object after each change. */
  readonly options: Readonly<O>
  /**
   * Changes options from here on, `undefined` taking one back: its default holds again; calls that have begun go on with those they began with, and what the policy has counted stays.
   * All changes or none: throws as the construction does, and then nothing has changed.
   */
  configure(changes: OptionChanges<O>): void
  /** Tells a listener of each event; returns what ends that. As the option `onEvent`. */
  onEvent(listener: (event: Event) => void): () => void
}

/** A middleware whose options can change while it runs. */
export interface Policy<O extends object, Event extends PolicyEvent = PolicyEvent>
  extends Middleware,
    PolicyControls<O, Event> {}

/** A {@link Layer}, or what makes it for a method, without what the frame knows. */
export type PolicyLayer<S> = Omit<Layer<S>, 'name' | 'options' | 'role' | 'lint'>

/** An {@link Interceptor}, or what makes it for a method, without what the frame knows. */
export type PolicyInterceptor = Pick<Interceptor, 'run'>

/** What `create` has to work with. */
export interface PolicyFrame<O extends object, Event extends PolicyEvent> {
  /** The options in force. Read it once per call, so that no call sees a mixture. */
  readonly current: Readonly<O>
  /** Tells the listeners. Costs next to nothing while there are none. */
  emit(event: EventDetails<Event>): void
  /** Whether anybody listens: for events that cost something to make. */
  readonly isObserved: boolean
  /** A middleware of one layer, which `explain` shows with the options in force. */
  around<S = undefined>(source: PolicyLayer<S> | ((method: MethodInfo | undefined) => PolicyLayer<S>)): Middleware
  /** A middleware that runs the rest itself, which `explain` shows with the options in force. */
  intercept(source: PolicyInterceptor | ((method: MethodInfo | undefined) => PolicyInterceptor)): Middleware
}

/** An event without what the frame adds. */
export type EventDetails<Event extends PolicyEvent> = Event extends PolicyEvent
  ? Omit<Event, 'policy' | 'kind' | 'method'> & { readonly method?: MethodInfo | undefined }
  : never

/** What a kind of policy is made of. */
export interface PolicySpec<O extends object, Event extends PolicyEvent, Controls extends object> {
  /** What it is; the role that lint rules know it by. */
  readonly kind: string
  /** What each option may be, `name` and `onEvent` left out. */
  readonly rules: OptionRules<Omit<O, keyof PolicyOptions>>
  /** What is known to go wrong with it in a stack, for `lint`. @defaultValue nothing */
  readonly lint?: readonly LintRule[]
  /** What no single option can tell: "baseMs must be at most maxMs". Pure. @defaultValue nothing */
  wrongWith?(options: Readonly<O>): string | undefined
  /** Makes the state, and the middleware that reads `frame.current`; `controls` become properties of the policy. */
  create(frame: PolicyFrame<O, Event>): {
    readonly middleware: Middleware
    readonly controls: Controls
    /** Runs after each change of options: for those that act on what waits. @defaultValue nothing */
    changed?(): void
    /** Runs when the first listener has come, and when the last one has left: for what has to listen elsewhere. @defaultValue nothing */
    observed?(): void
  }
}

/**
 * Defines a kind of policy: returns what makes one from options. What it makes throws `TypeError` for an option that is none or
 * is missing, and `RangeError` for a value out of range.
 *
 * @example
 * ```ts
 * import { definePolicy, failed, numberOption, type PolicyOptions } from 'tenon'
 *
 * interface GateOptions extends PolicyOptions {
 *   readonly maxCalls: number
 * }
 *
 * const gate = definePolicy<GateOptions>({
 *   kind: 'gate',
 *   rules: { maxCalls: numberOption({ min: 0 }) },
 *   create(frame) {
 *     let calls = 0
 *     const enter = () =>
 *       ++calls > frame.current.maxCalls ? failed('resource_exhausted', 'GATE_SHUT', 'no more calls', { ran: 'no' }) : undefined
 *     return { middleware: frame.around({ enter }), controls: {} }
 *   },
 * })
 * const tight = gate({ maxCalls: 1 })
 * tight.configure({ maxCalls: 5 })
 * ```
 */
export function definePolicy<
  O extends PolicyOptions<Event>,
  Event extends PolicyEvent = PolicyEvent,
  Controls extends object = object,
>(spec: PolicySpec<O, Event, Controls>): (options: O) => Policy<O, Event> & Controls {
  const rules = { ...spec.rules, ...commonRules } as unknown as OptionRules<O> // of O's own options, and of those all have
  return given => new Running(spec, rules, given).policy
}

const commonRules: OptionRules<PolicyOptions> = {
  name: fixed(optional({ must: 'be a word', allows: value => typeof value === 'string' && value !== '' })),
  onEvent: fixed(optional(functionOption())),
}

class Running<O extends PolicyOptions<Event>, Event extends PolicyEvent, Controls extends object>
  implements PolicyFrame<O, Event>
{
  readonly policy: Policy<O, Event> & Controls
  current: Readonly<O>
  readonly #name: string
  readonly #spec: PolicySpec<O, Event, Controls>
  readonly #rules: OptionRules<O>
  readonly #listeners: Set<(event: Event) => void> = new Set()
  readonly #changed: (() => void) | undefined
  readonly #observed: (() => void) | undefined
  #lastShown: { readonly of: Readonly<O>; readonly shown: Readonly<Record<string, unknown>> } | undefined

  constructor(spec: PolicySpec<O, Event, Controls>, rules: OptionRules<O>, given: O) {
    this.#spec = spec
    this.#rules = rules
    this.current = this.#checked(undefined, given)
    this.#name = this.current.name ?? spec.kind
    const { middleware, controls, changed, observed } = spec.create(this)
    this.#changed = changed
    this.#observed = observed
    if (this.current.onEvent !== undefined) this.#listen(this.current.onEvent)
    this.policy = this.#dress(middleware, controls)
  }

  get isObserved(): boolean {
    return this.#listeners.size > 0
  }

  emit(details: EventDetails<Event>): void {
    if (this.#listeners.size === 0) return
    const { method, ...rest } = details
    const named = method === undefined ? {} : { method: `${method.service}/${method.name}` }
    const event = { policy: this.#name, kind: this.#spec.kind, ...rest, ...named } as unknown as Event // with what was left out
    for (const listener of this.#listeners) observe(listener, event)
  }

  around<S = undefined>(source: PolicyLayer<S> | ((method: MethodInfo | undefined) => PolicyLayer<S>)): Middleware {
    return around<S>(method => this.#named(typeof source === 'function' ? source(method) : source))
  }

  intercept(source: PolicyInterceptor | ((method: MethodInfo | undefined) => PolicyInterceptor)): Middleware {
    return intercept(method => this.#named(typeof source === 'function' ? source(method) : source))
  }

  #named<T extends object>(part: T): T & Pick<Layer, 'name' | 'role' | 'lint'> {
    const frame = this
    return {
      ...part,
      name: this.#name,
      role: this.#spec.kind,
      lint: this.#spec.lint,
      get options() {
        return frame.#shown
      },
    }
  }

  /** What `explain` shows, the same object while nothing changes: by it a lint rule sees that two layers are of one policy. */
  get #shown(): Readonly<Record<string, unknown>> {
    if (this.#lastShown?.of !== this.current) {
      const { name, onEvent, ...options } = this.current
      this.#lastShown = { of: this.current, shown: shownOptions<object>(this.#rules, options) }
    }
    return this.#lastShown.shown
  }

  #listen(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener)
    if (this.#listeners.size === 1) this.#observed?.()
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#observed?.()
    }
  }

  #checked(base: Readonly<O> | undefined, given: OptionChanges<O>): Readonly<O> {
    const { kind } = this.#spec
    const options = checkedOptions(kind, this.#rules, { base, given })
    const wrong = this.#spec.wrongWith?.(options)
    if (wrong !== undefined) throw new RangeError(`${kind}: ${wrong}`)
    return options
  }

  #configure(changes: OptionChanges<O>): void {
    const next = this.#checked(this.current, changes)
    for (const key of Object.keys(changes) as (keyof O & string)[]) {
      if (this.#rules[key].fixed === true && next[key] !== this.current[key])
        throw new TypeError(`${this.#spec.kind}: ${key} cannot change`)
    }
    this.current = next
    this.#changed?.()
  }

  // A middleware of its own, so that its properties are its own: `create` may return one that somebody else has, too.
  #dress(middleware: Middleware, controls: Controls): Policy<O, Event> & Controls {
    const dressed: Middleware = next => middleware(next)
    const own = {
      policy: this.#name,
      configure: (changes: OptionChanges<O>) => this.#configure(changes),
      onEvent: (listener: (event: Event) => void) => {
        if (typeof listener !== 'function') throw new TypeError(`${this.#spec.kind}: onEvent needs a function`)
        return this.#listen(listener)
      },
    }
    Object.defineProperty(dressed, 'options', { get: () => this.current, enumerable: true })
    return Object.defineProperties(
      Object.assign(dressed, own),
      Object.getOwnPropertyDescriptors(controls),
    ) as unknown as Policy<O, Event> & Controls // it has been given all that makes one
  }
}

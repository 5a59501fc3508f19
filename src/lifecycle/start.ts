// Starts the bindings, one after the other so that the first that fails is the one that is reported.
import type { AnyService, Listening, Runtime, ServerBinding } from '../contract/index.js'
import { lint } from '../core/index.js'
import type { LifecycleEvent, OnLifecycleEvent } from './event.js'
import { StartError } from './start-error.js'
import type { Stop } from './stop.js'
import { attempt } from './within.js'

/** A binding that listens. */
export interface Open {
  readonly name: string
  readonly listening: Listening
}

/** What {@link start} works with. */
export interface Startable {
  readonly services: readonly AnyService[]
  readonly runtime: Runtime
  /** Those that listen are added here, so that a stop that begins meanwhile knows them. */
  readonly open: Open[]
  readonly stop: Stop
  readonly onEvent: OnLifecycleEvent
}

/**
 * Whether all listen; `false` when a stop began before. Rejects with {@link StartError}. What it opened is left to the stop, except
 * what comes too late for that.
 */
export async function start(bindings: readonly ServerBinding[], given: Startable): Promise<boolean> {
  const { services, runtime, open, stop, onEvent } = given
  for (const binding of bindings) {
    const { name } = binding
    const listen = attempt(() => binding.listen(services, runtime))
    const listening = await Promise.race([listen, stop.begun]).catch(cause => {
      throw new StartError(name, cause)
    })
    if (stop.hasBegun || listening === undefined) {
      closeWhenOpen(name, listen, onEvent)
      return false
    }
    open.push({ name, listening })
    onEvent({ type: 'listening', binding: name, addresses: listening.addresses })
  }
  return !stop.hasBegun
}

function closeWhenOpen(what: string, listen: Promise<Listening>, onEvent: OnLifecycleEvent): void {
  listen
    .then(
      listening => listening.close(),
      () => {}, // it never opened: nobody is interested in why any more
    )
    .catch(cause => {
      onEvent({ type: 'close-failed', what, cause })
    })
}

/** Throws `TypeError` for services that the compiler would have refused, and for ones that exclude each other. */
export function checkServices(services: readonly AnyService[]): void {
  const names = new Set<string>()
  for (const { contract, missing } of services) {
    const { name } = contract
    if (missing.length > 0) throw new TypeError(`serve: ${name} does not implement ${missing.join(', ')}`)
    if (names.has(name)) throw new TypeError(`serve: ${name} is given twice`)
    names.add(name)
  }
}

/** Tells what `lint` finds in the services' stacks, once for all methods of which it finds the same. */
export function tellFindings(services: readonly AnyService[], onEvent: OnLifecycleEvent): void {
  const found = new Map<string, LifecycleEvent & { readonly type: 'finding'; readonly methods: string[] }>()
  for (const { contract, methods } of services) {
    for (const [name, { endpoint }] of methods) {
      for (const { rule, message } of lint(endpoint)) {
        const finding = found.get(message) ?? { type: 'finding', rule, message, methods: [] }
        finding.methods.push(`${contract.name}/${name}`)
        found.set(message, finding)
      }
    }
  }
  for (const finding of found.values()) onEvent(finding)
}

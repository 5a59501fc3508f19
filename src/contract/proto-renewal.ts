// A lock made anew: what it held stays, what is new is added, what is gone is reserved. The rules of what breaks are those of buf's
// category WIRE_JSON, but stricter where a value would silently become another: a bool that becomes an int64 is a break here.
import { type ProtoBody, type ProtoField, type ProtoMessage, type ProtoMethod, typeText } from './proto-file.js'
import {
  type LockedField,
  type LockedMessage,
  type LockedMethod,
  lockedMessage,
  lockedMethod,
  own,
  type ProtoLock,
} from './proto-lock.js'
import type { ProtoNumbers } from './proto-message.js'

/** Something that breaks those who call by the old files. */
export interface ProtoBreak {
  /** `shop.v1.OrdersGetRequest.id` or `shop.v1.Orders/Get` */
  readonly where: string
  readonly reason: string
}

type Unnumbered = Omit<ProtoField, 'number'>
type Reserved = LockedMessage['reserved'][number]

// protobuf.dev: these have numbers to themselves.
const [firstOwn, lastOwn] = [19_000, 19_999]

/** Gives numbers, and keeps what was given. */
export class Renewal implements ProtoNumbers {
  readonly #old: ProtoLock | undefined
  readonly #breaks: ProtoBreak[] = []
  readonly #messages: Map<string, LockedMessage> = new Map()
  readonly #reserved: Map<string, readonly Reserved[]> = new Map()
  readonly #services: Map<string, Readonly<Record<string, LockedMethod>>> = new Map()

  constructor(old: ProtoLock | undefined) {
    if (old !== undefined && old.version !== 1)
      throw new TypeError(`proto: the lock is of version ${old.version}, and only version 1 is known here`)
    this.#old = old
  }

  number(message: string, fields: readonly Unnumbered[]): readonly number[] {
    const old = own(this.#old?.messages, message) ?? { fields: {}, reserved: [] }
    const reserved = [...old.reserved]
    const kept = fields.map(field => this.#kept(message, field, own(old.fields, field.name)))
    for (const [name, locked] of Object.entries(old.fields)) {
      const index = fields.findIndex(field => field.name === name)
      if (index === -1) reserved.push({ number: locked.number, name })
      else if (kept[index] === undefined) reserved.push({ number: locked.number }) // its name goes on, with another number
    }
    for (const { name } of fields) {
      if (own(old.fields, name) === undefined && reserved.some(each => each.name === name))
        this.#break(`${message}.${name}`, 'is the name of a field that was removed: give it another')
    }
    this.#reserved.set(
      message,
      reserved.filter(({ name }) => !fields.some(field => field.name === name)),
    )
    let last = Math.max(
      0,
      ...Object.values(old.fields).map(({ number }) => number),
      ...reserved.map(({ number }) => number),
    )
    return kept.map(number => {
      if (number !== undefined) return number
      last = last + 1 === firstOwn ? lastOwn + 1 : last + 1
      return last
    })
  }

  reserved(message: string): readonly Reserved[] {
    return this.#reserved.get(message) ?? []
  }

  /** Takes what a service has come to. */
  service(name: string, methods: readonly ProtoMethod[]): void {
    const entries = methods.map(method => [method.name, lockedMethod(method)] as const)
    this.#services.set(name, Object.fromEntries(entries))
    for (const { request, response, failures } of methods)
      for (const body of [request, response, ...failures.values()]) this.#take(body)
  }

  /** The new lock, with what is no longer used but was. */
  finish(): { readonly lock: ProtoLock; readonly breaks: readonly ProtoBreak[] } {
    this.#compareServices()
    const messages = { ...this.#old?.messages, ...Object.fromEntries(this.#messages) }
    const lock = { version: 1, messages: sorted(messages), services: sorted(Object.fromEntries(this.#services)) }
    return { lock, breaks: this.#breaks }
  }

  #take(body: ProtoBody | ProtoMessage): void {
    if (typeof body !== 'object') return
    this.#messages.set(body.name, lockedMessage(body))
    for (const inner of body.nested) this.#take(inner)
  }

  /** The number that a field keeps; undefined where it is new, or means something else now. */
  #kept(message: string, field: Unnumbered, locked: LockedField | undefined): number | undefined {
    if (locked === undefined) return undefined
    const where = `${message}.${field.name}`
    const type = typeText({ ...field, number: locked.number })
    if (locked.json !== field.property) this.#break(where, `was '${locked.json}' in JSON and is '${field.property}'`)
    if (isCompatible(locked.type, type)) return locked.number
    this.#break(where, `was ${locked.type} and is ${type}`)
    return undefined
  }

  #compareServices(): void {
    for (const [service, methods] of Object.entries(this.#old?.services ?? {})) {
      const now = this.#services.get(service)
      if (now === undefined) this.#break(service, 'is gone: old clients call it')
      else
        for (const [name, was] of Object.entries(methods))
          this.#compareMethod(`${service}/${name}`, was, own(now, name))
    }
  }

  #compareMethod(where: string, was: LockedMethod, is: LockedMethod | undefined): void {
    if (is === undefined) {
      this.#break(where, 'is gone: old clients call it')
      return
    }
    if (was.request !== is.request) this.#break(where, `took ${was.request} and takes ${is.request}`)
    if (was.response !== is.response) this.#break(where, `gave ${was.response} and gives ${is.response}`)
  }

  #break(where: string, reason: string): void {
    this.#breaks.push({ where, reason })
  }
}

/** Types that read each other's values, all of them, as the same values. */
const wider: Readonly<Record<string, readonly string[]>> = { int32: ['int64'], uint32: ['uint64', 'int64'] }

/** Whether a field of the old type may have the new one, under its number. Whether its absence can be told is no matter of the wire. */
function isCompatible(was: string, is: string): boolean {
  const [old, next] = [was.replace('optional ', ''), is.replace('optional ', '')]
  return old === next || (wider[old]?.includes(next) ?? false)
}

function sorted<T>(members: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)))
}

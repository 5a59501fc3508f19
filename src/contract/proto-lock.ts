// The numbers of fields, kept from version to version in a file of the user's repository. A number that once meant one thing never
// means another: old clients would read the one as the other, and nothing would fail.
import {
  type ProtoBody,
  type ProtoField,
  type ProtoMessage,
  type ProtoMethod,
  typeName,
  typeText,
} from './proto-file.js'
import type { ProtoNumbers } from './proto-message.js'

/** A lock: what `tenon proto` keeps. Plain JSON, to be committed, and never written by hand. */
export interface ProtoLock {
  readonly version: number
  readonly messages: { readonly [message: string]: LockedMessage }
  readonly services: { readonly [service: string]: { readonly [method: string]: LockedMethod } }
}

/** The fields of a message, those of old included. */
export interface LockedMessage {
  readonly fields: { readonly [name: string]: LockedField }
  /** Fields that were removed: neither number nor name is used again. */
  readonly reserved: readonly { readonly number: number; readonly name?: string }[]
}

/** A field as it is known to those who call. */
export interface LockedField {
  readonly number: number
  /** As in the .proto: `repeated string`. */
  readonly type: string
  readonly json: string
}

/** A method as it is known to those who call. */
export interface LockedMethod {
  /** With `stream` before it, where it is one. */
  readonly request: string
  readonly response: string
}

/** Numbers for a server or a client: those of the lock, and no others. */
export function lockedNumbers(lock: ProtoLock): ProtoNumbers {
  return {
    number: (message, fields) =>
      fields.map(field => {
        const locked = own(own(lock.messages, message)?.fields, field.name)
        const where = `${message}.${field.name}`
        if (locked === undefined) throw new TypeError(`${where} is not in the lock: run tenon proto`)
        const type = typeText({ ...field, number: 0 })
        if (locked.type !== type)
          throw new TypeError(`${where} is ${type}, and ${locked.type} in the lock: run tenon proto`)
        return locked.number
      }),
    reserved: message => own(lock.messages, message)?.reserved ?? [],
  }
}

/** A member that is the object's own: names are the user's, and may be those of every object. */
export function own<T>(members: { readonly [name: string]: T } | undefined, name: string): T | undefined {
  return members !== undefined && Object.hasOwn(members, name) ? members[name] : undefined
}

/** A message as the lock has it. */
export function lockedMessage({ fields, reserved }: ProtoMessage): LockedMessage {
  const entries = fields.map((field: ProtoField): [string, LockedField] => [
    field.name,
    { number: field.number, type: typeText(field), json: field.property },
  ])
  return { fields: Object.fromEntries(entries), reserved: [...reserved] }
}

/** A method as the lock has it. */
export function lockedMethod({ request, response, requestStreamed, responseStreamed }: ProtoMethod): LockedMethod {
  const text = (body: ProtoBody, isStream: boolean): string => `${isStream ? 'stream ' : ''}${typeName(body)}`
  return { request: text(request, requestStreamed), response: text(response, responseStreamed) }
}

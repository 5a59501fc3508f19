// The files of descriptors that a server knows, by name and by what is in them.
// https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/descriptor.proto
import { fieldsOf, textOf, type WireField } from './protobuf.js'

/** A file of a .proto, as far as it is looked at. */
export interface DescribedFile {
  readonly bytes: Uint8Array
  readonly dependencies: readonly string[]
}

/** Files of descriptors, to be asked. */
export class Descriptors {
  readonly #files: Map<string, DescribedFile> = new Map()
  /** The name of the file in which a symbol is. */
  readonly #symbols: Map<string, string> = new Map()

  /** Takes serialised `FileDescriptorProto`s; of several of one name the first. */
  constructor(files: Iterable<Uint8Array>) {
    for (const bytes of files) this.#add(bytes)
  }

  #add(bytes: Uint8Array): void {
    const file = parts(bytes)
    const [name = ''] = file.texts(1)
    if (this.#files.has(name)) return
    this.#files.set(name, { bytes, dependencies: file.texts(3) })
    const [packageName = ''] = file.texts(2)
    const add = (symbol: string): void => void this.#symbols.set(symbol, name)
    for (const message of file.all(4)) addMessage(message, packageName, add)
    for (const type of file.all(5)) addEnum(type, packageName, add)
    for (const service of file.all(6)) addNamed(service, packageName, add, 2)
    for (const extension of file.all(7)) addNamed(extension, packageName, add)
  }

  /** A file and all that it needs, itself first; empty where there is none of that name. */
  file(name: string): readonly Uint8Array[] {
    const found = new Map<string, Uint8Array>()
    const visit = (each: string): void => {
      const file = this.#files.get(each)
      if (file === undefined || found.has(each)) return
      found.set(each, file.bytes)
      for (const dependency of file.dependencies) visit(dependency)
    }
    visit(name)
    return [...found.values()]
  }

  /** The file in which a symbol is, and all that it needs: `shop.v1.Orders`, `shop.v1.Orders.Get`. */
  fileOf(symbol: string): readonly Uint8Array[] {
    const name = this.#symbols.get(symbol)
    return name === undefined ? [] : this.file(name)
  }
}

interface Parts {
  readonly name: string
  texts(number: number): readonly string[]
  all(number: number): readonly Parts[]
}

/** A descriptor. Its name is field 1, of whichever kind it is. */
function parts(bytes: Uint8Array): Parts {
  const fields = fieldsOf(bytes)
  const of = (number: number): readonly WireField[] => fields.filter(field => field.number === number)
  const texts = (number: number): readonly string[] => of(number).map(textOf)
  return { name: texts(1)[0] ?? '', texts, all: number => of(number).map(field => parts(field.bytes)) }
}

type Add = (symbol: string) => void

function addMessage(message: Parts, scope: string, add: Add): void {
  const name = within(scope, message.name)
  add(name)
  for (const field of [...message.all(2), ...message.all(6), ...message.all(8)]) add(within(name, field.name))
  for (const nested of message.all(3)) addMessage(nested, name, add)
  for (const type of message.all(4)) addEnum(type, name, add)
}

/** The values of an enum are beside it, not in it. */
function addEnum(type: Parts, scope: string, add: Add): void {
  add(within(scope, type.name))
  for (const value of type.all(2)) add(within(scope, value.name))
}

function addNamed(described: Parts, scope: string, add: Add, members?: number): void {
  const name = within(scope, described.name)
  add(name)
  for (const member of members === undefined ? [] : described.all(members)) add(within(name, member.name))
}

function within(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`
}

// A contract's methods as a .proto has them. Each type is called after the service and the method, so that contracts of one package
// do not take each other's names.
import type { ProtoBody, ProtoMethod } from './proto-file.js'
import { type ProtoNumbers, protoBody } from './proto-message.js'
import { capitalised } from './proto-names.js'
import type { FailureSpec, MessageSpec, MethodSpec } from './spec.js'

/** The package of a service: `shop.v1` of `shop.v1.Orders`; empty where it has none. */
export function packageOf(service: string): string {
  return service.slice(0, Math.max(0, service.lastIndexOf('.')))
}

/** The details of a method's declared failures, by tag. Throws as {@link protoMethod} does. */
export function protoFailures({ info, failures }: MethodSpec, numbers: ProtoNumbers): ReadonlyMap<string, ProtoBody> {
  const body = (tag: string, { jsonSchema }: FailureSpec): ProtoBody =>
    protoBody(`${info.service}${capitalised(tag)}Failure`, jsonSchema, numbers)
  return new Map([...failures].map(([tag, each]) => [tag, body(tag, each)]))
}

/** The method of a .proto. Throws `TypeError`, naming the field, for what has no place in a message. */
export function protoMethod(spec: MethodSpec, numbers: ProtoNumbers): ProtoMethod {
  const { info, request, response } = spec
  const name = capitalised(info.name)
  const body = (suffix: string, { jsonSchema }: MessageSpec): ProtoBody =>
    protoBody(`${info.service}${suffix}`, jsonSchema, numbers)
  return {
    name,
    request: body(`${name}Request`, request),
    response: body(`${name}Response`, response),
    requestStreamed: request.streamed,
    responseStreamed: response.streamed,
    failures: protoFailures(spec, numbers),
  }
}

/** All methods by the contract's names. Throws `TypeError` where two would be one in a .proto. */
export function protoMethods(
  service: string,
  specs: ReadonlyMap<string, MethodSpec>,
  numbers: ProtoNumbers,
): ReadonlyMap<string, ProtoMethod> {
  const methods = new Map<string, ProtoMethod>()
  const taken = new Map<string, string>()
  const take = (name: string, what: string): void => {
    const other = taken.get(name)
    if (other !== undefined && other !== what)
      throw new TypeError(`${service}: ${other} and ${what} would both be ${name}`)
    taken.set(name, what)
  }
  for (const [key, spec] of specs) {
    const method = protoMethod(spec, numbers)
    take(method.name, `the method '${key}'`)
    for (const tag of method.failures.keys()) take(`${capitalised(tag)}Failure`, `the failure '${tag}'`)
    methods.set(key, method)
  }
  return methods
}

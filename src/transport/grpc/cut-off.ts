// What ends in the middle of a message. grpc-js takes that for the end, on either side, and tells nobody.

/** Whether the last message that came on a call is cut off: grpc-js' decoder, which is its own affair, stands at 0 between messages. */
export function isCutOff(call: object): boolean {
  const decoder: unknown = Reflect.get(call, 'decoder')
  const state: unknown = typeof decoder === 'object' && decoder !== null ? Reflect.get(decoder, 'readState') : 0
  return typeof state === 'number' && state !== 0
}

// Tells calls that the connection they came over is closed. One listener a connection: with one for each request, a caller that
// pipelines would have node warn of a leak.
import type { Socket } from 'node:net'
import { type Failure, failureOf } from '../../core/index.js'

const gone: Failure = failureOf('cancelled', 'CANCELLED', 'the caller closed the connection')
const waiting: WeakMap<Socket, Set<(failure: Failure) => void>> = new WeakMap()

/** Runs `callback` when the connection closes, unless what it returns is called before. */
export function onCallerGone(socket: Socket, callback: (failure: Failure) => void): () => void {
  if (socket.destroyed) {
    callback(gone) // while somebody before us took their time
    return () => {}
  }
  let callbacks = waiting.get(socket)
  if (callbacks === undefined) {
    callbacks = new Set()
    waiting.set(socket, callbacks)
    socket.on('close', () => {
      for (const each of waiting.get(socket) ?? []) each(gone)
    })
  }
  callbacks.add(callback)
  return () => callbacks.delete(callback)
}

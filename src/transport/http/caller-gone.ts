// Tells calls that the connection they came over is closed. One listener a connection: with one for each request, a caller that
// pipelines would have node warn of a leak.
import type { Socket } from 'node:net'
import { type Failure, failureOf } from '../../core/index.js'

type OnGone = (failure: Failure) => void

const gone: Failure = failureOf('cancelled', 'CANCELLED', 'the caller closed the connection')
const watched: WeakMap<Socket, Watch> = new WeakMap()

/** Runs `callback` when the connection closes, unless what it returns is called before; at once where it is closed already. */
export function onCallerGone(socket: Socket, callback: OnGone): () => void {
  if (socket.destroyed) {
    callback(gone) // while somebody before us took their time
    return () => {}
  }
  let watch = watched.get(socket)
  if (watch === undefined) {
    watch = new Watch(socket)
    watched.set(socket, watch)
  }
  return watch.add(callback)
}

/** Who waits for one connection: nearly always one call at most, for which a Set would be filled and emptied with each request. */
class Watch {
  #one: OnGone | undefined
  #more: Set<OnGone> | undefined

  constructor(socket: Socket) {
    socket.on('close', () => {
      this.#one?.(gone)
      for (const each of this.#more ?? []) each(gone)
    })
  }

  add(callback: OnGone): () => void {
    if (this.#one === undefined) this.#one = callback
    else {
      this.#more ??= new Set()
      this.#more.add(callback)
    }
    return () => {
      if (this.#one === callback) this.#one = undefined
      else this.#more?.delete(callback)
    }
  }
}

// The second process of `--split`: this program again, with the stock service only. It tells its address over Node's channel
// between parent and child, and ends when that closes, so that neither process outlives the other, whatever ends it.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type Resource, type Running, resource } from 'tenon/lifecycle'

/** The other process, once it listens. */
export interface SecondProcess {
  readonly address: string
  /** Lets it end, and waits until it has. */
  readonly ending: Resource
}

/** Starts it. This process ends with exit code 1 where the other cannot start, having said why itself, or ends too early. */
export async function startStock(program: string, port: number): Promise<SecondProcess> {
  // Detached: Ctrl-C reaches only this process, which needs the stock service until its own last call has ended.
  const child = fork(program, ['--stock-only', '--port', String(port)], { detached: true })
  let state: 'starting' | 'serving' | 'ending' = 'starting'
  const exited = once(child, 'exit').then(() => {
    if (state === 'serving') console.error('shop: the stock process has ended, and so does this one')
    if (state !== 'ending') process.exit(1)
  })
  const [address] = await once(child, 'message')
  state = 'serving'
  const end = async (): Promise<void> => {
    state = 'ending'
    if (child.connected) child.disconnect()
    await exited
  }
  return { address: String(address), ending: resource('stock process', end) }
}

/** The other process's side; does nothing where the program was started by hand. */
export function tellParent(running: Running): void {
  if (process.send === undefined) return
  process.send(running.addresses[0])
  process.once('disconnect', () => void running.drain())
}

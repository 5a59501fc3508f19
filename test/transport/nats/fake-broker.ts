/** A broker in the same process, for what no real one does on purpose: messages that are lost, peers that fall silent. */
import type { NatsConnection, NatsMessage, NatsSubscribeOptions } from 'tenon/transport/nats'

interface Interest {
  readonly pattern: string
  readonly callback: NonNullable<NatsSubscribeOptions['callback']>
}

/** Decides what becomes of a message. */
export type Fault = (message: NatsMessage, text: string) => boolean

export class FakeBroker {
  /** Whether a message is lost. */
  isLost: Fault = () => false
  readonly seen: string[] = []
  readonly #interests: Set<Interest> = new Set()

  /** How many subscriptions there are. */
  get subscriptions(): number {
    return this.#interests.size
  }

  connection(): NatsConnection & { breakOff(): void; closeForGood(): void } {
    const events: ((type: string) => void)[] = []
    let state = 'up'
    let closeForGood = (): void => {}
    const closed = new Promise<void>(resolve => {
      closeForGood = () => {
        state = 'closed'
        resolve()
      }
    })
    const publish: NatsConnection['publish'] = (subject, payload = new Uint8Array(), options = {}) => {
      const message: NatsMessage = {
        subject,
        data: payload,
        reply: options.reply ?? '',
        ...(options.headers !== undefined && { headers: Object.assign([...options.headers], { code: 0 }) }),
        respond: () => false,
      }
      queueMicrotask(() => this.#deliver(message))
    }
    return {
      info: { max_payload: 1 << 20 },
      publish,
      subscribe: (pattern, { callback = () => {} } = {}) => {
        const interest = { pattern, callback }
        this.#interests.add(interest)
        const end = (): void => void this.#interests.delete(interest)
        return { unsubscribe: end, drain: async () => end() }
      },
      flush: async () => {},
      isClosed: () => state === 'closed',
      isDraining: () => false,
      closed: () => closed,
      closeForGood: () => closeForGood(),
      async *status() {
        for (;;) yield { type: await new Promise<string>(resolve => events.push(resolve)) }
      },
      getServer: () => 'fake:4222',
      breakOff: () => {
        state = 'down'
        for (const each of events.splice(0)) each('disconnect')
      },
    }
  }

  #deliver(message: NatsMessage): void {
    const text = Buffer.from(message.data).toString()
    this.seen.push(`${message.subject} ${text}`)
    if (this.isLost(message, text)) return
    const found = [...this.#interests].filter(({ pattern }) => matches(pattern, message.subject))
    for (const { callback } of found) callback(null, message)
    if (found.length > 0 || message.reply === undefined || message.reply === '') return
    const none = {
      ...message,
      subject: message.reply,
      reply: '',
      data: new Uint8Array(),
      headers: Object.assign([], { code: 503 }),
    }
    queueMicrotask(() => this.#deliver(none))
  }
}

function matches(pattern: string, subject: string): boolean {
  const [wanted, given] = [pattern.split('.'), subject.split('.')]
  return wanted.length === given.length && wanted.every((each, i) => each === '*' || each === given[i])
}

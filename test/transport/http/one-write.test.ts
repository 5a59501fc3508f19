import { Socket } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { writeInOne } from '../../../src/transport/http/one-write.js'

type Pieces = Parameters<NonNullable<Socket['_writev']>>[0]

function writing(pieces: Pieces): { readonly socket: Socket; readonly one: unknown; readonly done: unknown } {
  const socket = new Socket()
  writeInOne(socket)
  const one = vi.spyOn(socket, '_write').mockImplementation((_chunk, _encoding, callback) => callback())
  const done = vi.fn()
  socket._writev?.(pieces, done)
  return { socket, one, done }
}

const latin1 = (chunk: string): Pieces[number] => ({ chunk, encoding: 'latin1' })

describe('what a socket writes', () => {
  test('is one piece where nothing is behind it', () => {
    const { one, done } = writing([latin1('answer'), latin1('')])
    expect(one).toHaveBeenCalledExactlyOnceWith('answer', 'latin1', done)
    expect(done).toHaveBeenCalledExactlyOnceWith()
  })

  test.for([
    ['two pieces', [latin1('a'), latin1('b')]],
    ['three pieces', [latin1('a'), latin1(''), latin1('b')]],
  ] as const)('is a list of all where there are %s', ([, pieces]) => {
    const { one, done } = writing([...pieces])
    expect(one).not.toHaveBeenCalled()
    expect(done).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'ERR_SOCKET_CLOSED' })) // node's own, of this socket
  })

  test('is left alone where somebody else has seen to it', () => {
    const socket = new Socket()
    const own: NonNullable<Socket['_writev']> = (_pieces, done) => done()
    socket._writev = own
    writeInOne(socket)
    expect(socket._writev).toBe(own)
  })
})

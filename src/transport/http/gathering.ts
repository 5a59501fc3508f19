// The pieces of a body on their way to one buffer. Small pieces are packed together: a million one-byte chunks, each a Buffer of its
// own, would take a hundred times the memory that the limit on bytes allows.

/** Pieces below this are copied together; larger ones are kept as they are. */
const blockLength = 4096

/** Collects pieces of bytes. */
export class Gathering {
  /** The bytes gathered so far. */
  length = 0
  readonly #pieces: Buffer[] = []
  /** The piece that small ones are copied into, and how much of it is used. */
  #block: Buffer | undefined
  #used = 0

  add(piece: Buffer): void {
    this.length += piece.length
    if (this.#pieces.length === 0 || piece.length >= blockLength) {
      this.#endBlock()
      this.#pieces.push(piece)
      return
    }
    if (this.#block !== undefined && this.#used + piece.length > blockLength) this.#endBlock()
    if (this.#block === undefined) {
      this.#block = Buffer.allocUnsafe(blockLength)
      this.#pieces.push(this.#block)
    }
    this.#used += piece.copy(this.#block, this.#used)
  }

  /** All bytes in order; the piece itself where there was one. Called once, at the end. */
  whole(): Buffer {
    this.#endBlock()
    const [first] = this.#pieces
    return this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces, this.length)
  }

  #endBlock(): void {
    if (this.#block === undefined) return
    this.#pieces[this.#pieces.length - 1] = this.#block.subarray(0, this.#used)
    this.#block = undefined
    this.#used = 0
  }
}

// "tenon/log/pino": Tenon's lines through a pino logger that the program has already.
export { fromPino, type PinoLogger, type PinoOptions } from './from-pino.js'

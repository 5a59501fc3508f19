// "tenon/middleware": what endpoints are wrapped with.
export { logging } from './logging.js'

#!/usr/bin/env node
// The command `tenon`. What it does is in main.ts, which tests call without a process.
import { main } from './main.js'

main(process.argv.slice(2)).then(
  ({ text, errors, exitCode }) => {
    process.exitCode = exitCode
    if (text !== '') process.stdout.write(text)
    if (errors !== '') process.stderr.write(errors)
  },
  (thrown: unknown) => {
    process.exitCode = 2
    console.error(thrown)
  },
)

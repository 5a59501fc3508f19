// Go kit's own stringsvc1, built from its source: the last version of Go kit that contains the example, with its fixed port
// replaced by an argument, against the library's last version (go.mod in the fixture). Go keeps what it downloads and compiles in
// its own caches, outside of this checkout.
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const fixture = fileURLToPath(new URL('fixtures/stringsvc1/', import.meta.url))
const source = 'github.com/go-kit/kit@v0.10.0'

/** The program, which takes its address as its only argument. */
export interface GoProgram {
  readonly path: string
  remove(): Promise<void>
}

/** Builds it. Rejects where Go is not installed or its modules cannot be had. */
export async function buildStringsvc1(): Promise<GoProgram> {
  const folder = await mkdtemp(join(tmpdir(), 'tenon-stringsvc1-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    await Promise.all(['go.mod', 'go.sum'].map(file => copyFile(join(fixture, file), join(folder, file))))
    const go = async (...args: string[]) =>
      (await run('go', args, { cwd: folder, env: { ...process.env, GOFLAGS: '-mod=mod -buildvcs=false' } })).stdout
    const { Dir: kit } = JSON.parse(await go('mod', 'download', '-json', source))
    const original = await readFile(join(kit, 'examples/stringsvc1/main.go'), 'utf8')
    await writeFile(join(folder, 'main.go'), withPort(original))
    const path = join(folder, 'stringsvc1')
    await go('build', '-o', path, '.')
    return { path, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

function withPort(original: string): string {
  const changed = original.replace('":8080"', 'os.Args[1]').replace('\t"net/http"\n', '\t"net/http"\n\t"os"\n')
  if (!changed.includes('os.Args[1]') || !changed.includes('"os"')) throw new Error('main.go is not the one expected')
  return changed
}

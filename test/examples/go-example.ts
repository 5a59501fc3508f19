// Go kit's own examples, built from their source: the last version of Go kit that contains them, with the fixed port replaced by
// a variable, against the library's last version (go.mod in the fixture). Go keeps what it downloads and compiles in its own caches,
// outside of this checkout.
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const fixtures = fileURLToPath(new URL('fixtures/', import.meta.url))
const source = 'github.com/go-kit/kit@v0.10.0'

/** The examples that are ported. */
export type GoExample = 'stringsvc1' | 'stringsvc2' | 'stringsvc4'

/** The program, which takes its address from ADDRESS of the environment. */
export interface GoProgram {
  readonly path: string
  /** Of its source. */
  readonly lines: number
  remove(): Promise<void>
}

/** Builds one. Rejects where Go is not installed or its modules cannot be had. */
export async function buildGoExample(name: GoExample): Promise<GoProgram> {
  const folder = await mkdtemp(join(tmpdir(), `tenon-${name}-`))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    await Promise.all(['go.mod', 'go.sum'].map(file => copyFile(join(fixtures, name, file), join(folder, file))))
    const go = async (...args: string[]) =>
      (await run('go', args, { cwd: folder, env: { ...process.env, GOFLAGS: '-mod=mod -buildvcs=false' } })).stdout
    const { Dir: kit } = JSON.parse(await go('mod', 'download', '-json', source))
    const original = join(kit, 'examples', name)
    let lines = 0
    for (const file of (await readdir(original)).filter(name => name.endsWith('.go'))) {
      const text = await readFile(join(original, file), 'utf8')
      lines += text.split('\n').length - 1
      await writeFile(join(folder, file), file === 'main.go' ? withPort(text) : text)
    }
    const path = join(folder, name)
    await go('build', '-o', path, '.')
    return { path, lines, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

function withPort(original: string): string {
  const changed = original.replaceAll('":8080"', 'os.Getenv("ADDRESS")')
  const importing = changed.includes('\t"os"\n') ? changed : changed.replace('\t"net/http"\n', '\t"net/http"\n\t"os"\n')
  if (!importing.includes('os.Getenv("ADDRESS")') || !importing.includes('"os"'))
    throw new Error('main.go is not the one expected')
  return importing
}

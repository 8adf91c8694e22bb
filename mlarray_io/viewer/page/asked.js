// What is asked of the server: everything is below the address of the page.

export async function json(path) {
  const answer = await fetch(path)
  if (!answer.ok) throw new Error((await answer.text()).trim())
  return answer.json()
}

// One piece of an image: what is said of it, and its voxels. None where the image isn't.
export async function piece(number, query, signal) {
  const answer = await fetch(`image/${number}/voxels?${new URLSearchParams(query)}`, { signal })
  if (answer.status === 204) return null
  if (!answer.ok) throw new Error((await answer.text()).trim())
  const bytes = await answer.arrayBuffer()
  const size = Number(new DataView(bytes).getBigUint64(0, true))
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, size)))
  return { ...head, voxels: new Uint8Array(bytes, 8 + size) }
}

// Loads a library when the first image needs it.
export function script(address) {
  return new Promise((resolve, reject) => {
    const element = document.createElement('script')
    element.src = address
    element.onload = resolve
    element.onerror = () => reject(new Error(`${address} could not be loaded`))
    document.head.append(element)
  })
}

// Answers questions one at a time, and of those that wait only the last.
export function latest(ask) {
  let busy = false
  let next = null
  return async function run(...given) {
    next = given
    if (busy) return
    busy = true
    while (next) {
      const now = next
      next = null
      try {
        await ask(...now)
      } catch (error) {
        if (error.name !== 'AbortError') console.error(error)
      }
    }
    busy = false
  }
}

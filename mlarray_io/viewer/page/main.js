// The page: which image is shown, what lies over it, how, and what is under the pointer.

import { json, latest } from './asked.js'
import { $, entrySliders, facts, header, labelReadout, legend, levelNames, options, readout, row } from './panel.js'
import { rounded, shown } from './place.js'
import { SlideView } from './slides.js'
import { VolumeView } from './volumes.js'

const KEYS = [
  ['arrows', 'move the cross-hair within the plane, turn the 3-D view, or move the slide'],
  ['Page Up, Page Down', 'next and previous plane'],
  ['1, 2, 3, 4', 'keys act on the axial, coronal, sagittal plane, the 3-D view'],
  ['0', 'all planes, or only the one that the keys act on'],
  ['+, −, r', 'zoom in, out, reset'],
  ['[, ]', 'narrower and wider window'],
  [', and .', 'darker and lighter'],
  ['t, T', 'next and previous time or channel'],
  ['l', 'labels on and off'],
  ['o, O', 'more and less opacity of what lies over the image'],
  ['g', 'the finest resolution around the cross-hair'],
  ['v', 'say what is at the cross-hair'],
  ['?', 'this list'],
]
const PLANES = ['axial', 'coronal', 'sagittal', '3-D']

class Page {
  constructor(told) {
    this.images = told.images
    this.most = told.most
    this.unit = told.unit || '(no unit)'
    this.windows = {}
    this.defaults = {}
    this.entries = this.images.map((image) => image.entries.map(() => 0))
    this.hidden = new Set()
    this.plane = 0
    const read = latest((mm, spoken) => this.read(mm, spoken))
    this.pointerMoved = (mm) => read(mm, false)
    this.ask = (mm) => read(mm, true)
  }

  // What the views ask of the page

  entry(number) {
    return this.entries[number].join(',')
  }

  overlays() {
    return this.candidates().filter((number) => !this.hidden.has(number))
  }

  // What can lie over the image that is shown: labels by themselves, other images when they are ticked.
  candidates() {
    const base = this.images[this.number]
    return this.images.keys().toArray().filter((number) => number !== this.number && this.images[number].flat === base.flat)
  }

  opacity() {
    return Number($('opacity').value)
  }

  smooth() {
    return $('smooth').checked
  }

  exact() {
    return $('exact').checked
  }

  chosenLevel() {
    return $('level').value
  }

  chosenWindow(number) {
    return this.windows[number]
  }

  windowOf(number, suited) {
    this.defaults[number] ??= suited
    return this.windows[number] ?? suited ?? [NaN, NaN]
  }

  say(text) {
    $('status').textContent = text
  }

  loaded(level, part, base) {
    const image = this.images[this.number]
    const now = image.levels[level]
    if (!image.flat) {
      const which = part ? `${base.dims.join(' x ')} of ${now.shape.join(' x ')}, around the cross-hair` : now.shape.join(' x ')
      this.say(`shown: ${which}${level ? ` (image: ${image.shape.join(' x ')})` : ''}`)
      this.levelShown(level)
    }
    this.fillWindow()
    performance.mark('shown')
    document.documentElement.dataset.loads = String(Number(document.documentElement.dataset.loads || 0) + 1)
  }

  levelShown(level) {
    document.documentElement.dataset.level = String(level)
    const image = this.images[this.number]
    if (image.flat) this.say(`resolution: 1/${image.levels[level].factor}`)
  }

  legend(layers) {
    const rows = layers.flatMap(([, layer]) => (layer.labels || []).map(([, ...rest]) => rest))
    legend(rows)
  }

  showLegends() {
    const numbers = [this.number, ...this.overlays()]
    legend(numbers.flatMap((number) => this.images[number].table))
  }

  windowChanged(low, high) {
    this.windows[this.number] = [low, high]
    this.fillWindow()
  }

  crosshairMoved(mm) {
    this.ask(mm)
    clearTimeout(this.following)
    this.following = setTimeout(() => this.volumes?.follow(), 250)
  }

  // What the page does

  get view() {
    return this.images[this.number].flat ? this.slides : this.volumes
  }

  async show(number) {
    this.number = number
    const image = this.images[number]
    document.title = `${image.title} – mlarray view`
    this.hidden = new Set(this.candidates().filter((other) => !this.images[other].labels || image.labels))
    $('volume').hidden = image.flat
    $('slide').hidden = !image.flat
    for (const id of ['layout', 'planes', 'radiological']) $(id).closest('label').hidden = image.flat
    $('level').closest('label').hidden = $('detail').hidden = image.flat
    $('exact-row').hidden = !image.flat || image.labels
    $('window').hidden = image.labels || image.colour
    options($('level'), [['auto', 'automatic'], ...levelNames(image, this.most, this.unit)])
    facts(image)
    if ($('header').open) header(number)
    entrySliders(image, this.entries[number], (axis, at) => this.setEntry(axis, at))
    this.fillOverlays()
    if (image.flat && !this.slides) {
      this.slides = new SlideView($('slide'), this)
      await this.slides.start()
    }
    if (!image.flat && !this.volumes) {
      this.volumes = new VolumeView($('volume'), this)
      await this.volumes.start()
    }
    await this.view.show(number)
    if (image.flat && !image.labels && !image.colour) {
      this.defaults[number] ??= await json(`image/${number}/window.json?entry=${this.entry(number)}`)
      this.fillWindow()
    }
  }

  // Load anew what is shown: another entry, or something else lies over it.
  async again() {
    if (this.images[this.number].flat) await this.slides.again()
    else await this.volumes.load(this.volumes.level, this.volumes.around)
  }

  async setEntry(axis, at) {
    const names = this.images[this.number].entries
    this.entries[this.number][axis] = at
    // other images that have an axis of the same name and size follow
    this.images.forEach((image, number) => image.entries.forEach((other, place) => {
      if (other.name === names[axis].name && other.size === names[axis].size) this.entries[number][place] = at
    }))
    const slider = $('entries').querySelector(`[data-axis="${axis}"]`)
    if (slider && Number(slider.value) !== at) {
      slider.value = at
      slider.dispatchEvent(new Event('input'))
    }
    await this.again()
    if (this.last) this.ask(this.last)
  }

  fillOverlays() {
    const found = this.candidates()
    const labels = this.images[this.number].labels
    $('over').hidden = !found.length && !labels
    $('opacity').closest('label').hidden = !found.length
    $('overlays').replaceChildren(...found.map((number) => {
      const label = document.createElement('label')
      label.className = 'tick'
      const tick = document.createElement('input')
      tick.type = 'checkbox'
      tick.checked = !this.hidden.has(number)
      tick.dataset.image = number
      tick.addEventListener('change', () => {
        if (tick.checked) this.hidden.delete(number)
        else this.hidden.add(number)
        this.again()
      })
      label.append(tick, ` ${this.images[number].title}`)
      return label
    }))
  }

  fillWindow() {
    const [low, high] = this.windows[this.number] ?? this.defaults[this.number] ?? []
    if (low === undefined) return
    $('centre').value = shown((low + high) / 2)
    $('width').value = shown(high - low)
  }

  setWindow(centre, width) {
    if (!Number.isFinite(centre) || !(width > 0)) return
    this.windows[this.number] = [centre - width / 2, centre + width / 2]
    this.fillWindow()
    this.applyWindow()
  }

  applyWindow() {
    const [low, high] = this.windows[this.number] ?? this.defaults[this.number]
    if (!this.images[this.number].flat) return this.volumes.window(low, high)
    clearTimeout(this.windowing) // tiles are asked for once the window rests
    this.windowing = setTimeout(() => this.slides.again(), 200)
    return undefined
  }

  nudge(level, width) {
    const centre = Number($('centre').value)
    const wide = Number($('width').value)
    this.setWindow(centre + level * wide * 0.05, wide * (1 + width * 0.1))
  }

  // Ask the server what is at a point: the exact value of the image itself, whatever is shown of it.
  async read(mm, spoken) {
    this.last = mm
    const at = mm.join(',')
    const value = (number) => json(`image/${number}/value.json?at=${at}&entry=${this.entry(number)}`)
    const found = await value(this.number)
    const lines = []
    for (const number of [this.number, ...this.overlays()]) {
      const image = this.images[number]
      if (!image.labels && number === this.number) continue
      const one = number === this.number ? found : await value(number)
      if (one.inside) lines.push(`${one.values.join(', ')} ${one.name}`.trim())
    }
    readout(found, this.unit, mm)
    labelReadout(lines.length ? lines.join('; ') : null)
    if (spoken) {
      clearTimeout(this.speaking)
      this.speaking = setTimeout(() => {
        $('spoken').textContent = `At the cross-hair: ${found.inside ? found.values.join(', ') : 'nothing'}, ${mm.map(rounded).join(', ')} ${this.unit} ${lines.join('; ')}`
      }, 400)
    }
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false
    const image = this.images[this.number]
    const arrows = { ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, 1, 0], ArrowDown: [0, -1, 0], PageUp: [0, 0, 1], PageDown: [0, 0, -1] }
    const arrow = arrows[event.key]
    if (arrow && image.flat) return arrow[2] ? false : (this.slides.pan(arrow[0], -arrow[1]), true)
    if (arrow && this.plane === 3) return (this.volumes.turn(arrow[0] * 10, arrow[1] * 10), true)
    if (arrow) return (this.volumes.move(...arrow, PLANES[this.plane]), true)
    const keys = {
      '+': () => this.view.zoom(1.25),
      '=': () => this.view.zoom(1.25),
      '-': () => this.view.zoom(0.8),
      r: () => this.view.reset(),
      '[': () => this.nudge(0, -1),
      ']': () => this.nudge(0, 1),
      ',': () => this.nudge(1, 0),
      '.': () => this.nudge(-1, 0),
      t: () => this.step(1),
      T: () => this.step(-1),
      l: () => this.toggleLabels(),
      o: () => this.setOpacity(this.opacity() + 0.1),
      O: () => this.setOpacity(this.opacity() - 0.1),
      g: () => this.detail(),
      v: () => this.last && this.ask(this.last),
      '?': () => $('keys').showModal(),
    }
    if (!image.flat) {
      '1234'.split('').forEach((name, plane) => { keys[name] = () => this.choose(plane) })
      keys[0] = () => this.setLayout($('layout').value === '3' ? String(this.plane === 3 ? 4 : this.plane) : '3')
    }
    if (!keys[event.key]) return false
    keys[event.key]()
    return true
  }

  choose(plane) {
    this.plane = plane
    $('spoken').textContent = `Keys act on the ${PLANES[plane]} ${plane === 3 ? 'view' : 'plane'}`
    if ($('layout').value !== '3') this.setLayout(String(plane === 3 ? 4 : plane))
  }

  setLayout(value) {
    $('layout').value = value
    this.volumes.layout(Number(value))
  }

  step(by) {
    const axis = this.images[this.number].entries.findIndex((one) => one.size > 1)
    if (axis < 0) return
    const { size } = this.images[this.number].entries[axis]
    this.setEntry(axis, (this.entries[this.number][axis] + by + size) % size)
  }

  toggleLabels() {
    const all = this.candidates().filter((number) => this.images[number].labels)
    const shownNow = all.some((number) => !this.hidden.has(number))
    all.forEach((number) => (shownNow ? this.hidden.add(number) : this.hidden.delete(number)))
    this.fillOverlays()
    this.again()
  }

  setOpacity(value) {
    $('opacity').value = Math.min(1, Math.max(0, value))
    this.view.setOpacity(this.opacity())
  }

  detail() {
    if (this.images[this.number].flat) return
    $('level').value = '0'
    this.volumes.load(0, this.volumes.crosshair())
  }
}

function connect(page) {
  options($('image'), page.images.map((image, number) => [number, image.title]))
  $('key-rows').replaceChildren(...KEYS.map((keys) => row(...keys)))
  $('image').onchange = () => page.show(Number($('image').value)).catch(fail)
  $('help').onclick = () => $('keys').showModal()
  $('layout').onchange = () => page.setLayout($('layout').value)
  $('planes').onchange = () => page.volumes.planes($('planes').value)
  $('radiological').onchange = () => page.volumes.radiological($('radiological').checked)
  $('smooth').onchange = () => page.view.smooth(page.smooth())
  $('exact').onchange = () => page.slides.again()
  $('in').onclick = () => page.view.zoom(1.25)
  $('out').onclick = () => page.view.zoom(0.8)
  $('reset').onclick = () => page.view.reset()
  $('detail').onclick = () => page.detail()
  $('opacity').oninput = () => page.view.setOpacity(page.opacity())
  $('level').onchange = () => (page.chosenLevel() === 'auto' ? page.volumes.show(page.number) : page.volumes.load(Number(page.chosenLevel())))
  for (const id of ['centre', 'width']) $(id).onchange = () => page.setWindow(Number($('centre').value), Number($('width').value))
  $('preset').onchange = () => {
    const [centre, width] = $('preset').value.split(',').map(Number)
    if ($('preset').value) return page.setWindow(centre, width)
    delete page.windows[page.number]
    page.fillWindow()
    return page.applyWindow()
  }
  $('header').ontoggle = () => $('header').open && header(page.number)
  document.addEventListener('keydown', (event) => {
    if (event.key === '?' && !event.target.matches('input,select,textarea')) $('keys').showModal()
  })
}

function themed() {
  const root = document.documentElement
  const set = (dark) => {
    root.dataset.theme = dark ? 'dark' : 'light'
    $('theme').setAttribute('aria-pressed', String(dark))
  }
  const system = matchMedia('(prefers-color-scheme: dark)')
  set(system.matches)
  system.addEventListener('change', () => set(system.matches))
  $('theme').onclick = () => set(root.dataset.theme !== 'dark')
}

function fail(error) {
  $('failure').hidden = false
  $('failure').textContent = `This can't be shown: ${error.message}`
}

async function start() {
  themed()
  const page = new Page(await json('images.json'))
  window.page = page // for who looks into it with the browser's tools
  connect(page)
  const first = page.images.findIndex((image) => !image.labels)
  $('image').value = String(Math.max(0, first))
  await page.show(Math.max(0, first))
}

start().catch(fail)

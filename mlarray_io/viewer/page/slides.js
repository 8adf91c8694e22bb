// Flat images: OpenSeadragon asks for the tiles that are to be seen, at the resolution that suits.

import { script } from './asked.js'
import { inverse, point } from './place.js'

export class SlideView {
  constructor(element, page) {
    this.element = element
    this.page = page
  }

  async start() {
    if (!window.OpenSeadragon) await script('assets/openseadragon.min.js')
    this.osd = window.OpenSeadragon({
      element: this.element,
      showNavigationControl: false,
      showNavigator: true,
      navigatorPosition: 'BOTTOM_RIGHT',
      minPixelRatio: 1,
      maxZoomPixelRatio: 16,
      animationTime: 0.3,
      imageLoaderLimit: 6,
      timeout: 600000, // the first tiles of a slide without levels wait until it was read
      gestureSettingsMouse: { clickToZoom: false },
      drawer: 'canvas',
    })
    this.element.addEventListener('pointermove', (event) => {
      const at = this.under(event)
      if (at) this.page.pointerMoved(at)
    })
    this.element.addEventListener('keydown', (event) => {
      if (this.page.key(event)) {
        event.preventDefault()
        event.stopImmediatePropagation()
      }
    }, { capture: true })
    this.osd.addHandler('open', () => this.page.say(''))
    this.osd.addHandler('tile-load-failed', ({ message }) => this.page.say(`a tile is missing: ${message}`))
    this.osd.addHandler('zoom', () => this.zoomed())
    this.osd.addHandler('open', () => this.zoomed())
  }

  base() {
    return this.osd.world.getItemAt(0)
  }

  // Column and row of a pixel, not rounded, below a point of the page.
  pixelAt(x, y) {
    const frame = this.element.getBoundingClientRect()
    const Point = window.OpenSeadragon.Point
    const at = this.osd.viewport.pointFromPixel(new Point(x - frame.left, y - frame.top), true)
    const pixel = this.base().viewportToImageCoordinates(at, undefined, true)
    return [pixel.x - 0.5, pixel.y - 0.5] // pixel 0 reaches from 0 to 1, its centre is what the affine leads from
  }

  under(event) {
    return this.base() ? this.world(this.number, this.pixelAt(event.clientX, event.clientY)) : null
  }

  world(number, [column, row]) {
    const { plane, affine } = this.page.images[number]
    const index = [0, 0, 0]
    index[plane.rows] = row
    index[plane.columns] = column
    return point(affine, index)
  }

  pixelOf(mm) {
    const { plane, affine } = this.page.images[this.number]
    const index = point(inverse(affine), mm)
    const Point = window.OpenSeadragon.Point
    const at = this.base().imageToViewportCoordinates(new Point(index[plane.columns] + 0.5, index[plane.rows] + 0.5))
    const pixel = this.osd.viewport.pixelFromPoint(at, true)
    const frame = this.element.getBoundingClientRect()
    return [pixel.x + frame.left, pixel.y + frame.top]
  }

  source(number) {
    const { plane, levels } = this.page.images[number]
    const [height, width] = plane.sizes[0]
    const top = levels.length - 1
    const source = new window.OpenSeadragon.TileSource({ width, height, tileSize: plane.side, minLevel: 0, maxLevel: top })
    // levels of the library begin with the coarsest
    source.getLevelScale = (level) => 1 / levels[top - level].factor
    source.getNumTiles = (level) => {
      const [rows, columns] = plane.sizes[top - level]
      return new window.OpenSeadragon.Point(Math.ceil(columns / plane.side), Math.ceil(rows / plane.side))
    }
    source.getTileUrl = (level, x, y) => `image/${number}/tile/${top - level}/${x}/${y}?${this.query(number)}`
    return source
  }

  query(number) {
    const query = new URLSearchParams({ entry: this.page.entry(number) })
    const chosen = this.page.chosenWindow(number)
    if (chosen) query.set('window', chosen.join(','))
    if (this.page.exact()) query.set('exact', '1')
    return query
  }

  async show(number) {
    this.number = number
    const sources = [{ tileSource: this.source(number) }]
    for (const other of this.page.overlays()) {
      const placed = this.placed(other)
      if (placed) sources.push({ tileSource: this.source(other), opacity: this.page.opacity(), ...placed })
      else this.page.say(`${this.page.images[other].title} lies askew over this image and isn't shown`)
    }
    const kept = this.kept
    this.osd.open(sources)
    await new Promise((resolve) => this.osd.addOnceHandler('open', resolve))
    if (kept) this.osd.viewport.fitBounds(kept, true)
    this.kept = null
    this.smooth(this.page.smooth())
    this.page.loaded(0, false, null)
    this.page.showLegends()
  }

  // Where another image lies over this one, in the library's units: the width of this one.
  placed(number) {
    const { plane, affine } = this.page.images[this.number]
    const other = this.page.images[number].plane
    const [height, width] = other.sizes[0]
    const back = inverse(affine)
    const [start, right, below] = [[-0.5, -0.5], [width - 0.5, -0.5], [-0.5, height - 0.5]].map((pixel) => {
      const index = point(back, this.world(number, pixel))
      return [index[plane.columns] + 0.5, index[plane.rows] + 0.5]
    })
    const whole = plane.sizes[0][1]
    const askew = Math.abs(right[1] - start[1]) > 0.5 || Math.abs(below[0] - start[0]) > 0.5
    if (askew || right[0] <= start[0] || below[1] <= start[1]) return null
    return { x: start[0] / whole, y: start[1] / whole, width: (right[0] - start[0]) / whole }
  }

  // Ask for all tiles anew: the window, the entry or what lies over has changed.
  again() {
    if (this.base()) this.kept = this.osd.viewport.getBounds(true)
    return this.show(this.number)
  }

  zoomed() {
    if (!this.base()) return
    const scale = this.base().viewportToImageZoom(this.osd.viewport.getZoom(true))
    const { levels } = this.page.images[this.number]
    let level = 0
    while (level + 1 < levels.length && scale * levels[level + 1].factor <= 1) level++
    this.page.levelShown(level)
  }

  setOpacity(value) {
    for (let number = 1; number < this.osd.world.getItemCount(); number++) this.osd.world.getItemAt(number).setOpacity(value)
  }

  smooth(on) {
    this.osd.drawer?.setImageSmoothingEnabled?.(on)
    this.osd.forceRedraw()
  }

  zoom(factor) {
    this.osd.viewport.zoomBy(factor)
  }

  pan(x, y) {
    const bounds = this.osd.viewport.getBounds()
    this.osd.viewport.panBy(new window.OpenSeadragon.Point(x * bounds.width * 0.2, y * bounds.height * 0.2))
  }

  moveTo(mm) {
    const index = point(inverse(this.page.images[this.number].affine), mm)
    const { plane } = this.page.images[this.number]
    const Point = window.OpenSeadragon.Point
    this.osd.viewport.panTo(this.base().imageToViewportCoordinates(new Point(index[plane.columns] + 0.5, index[plane.rows] + 0.5)))
  }

  reset() {
    this.osd.viewport.goHome()
  }
}

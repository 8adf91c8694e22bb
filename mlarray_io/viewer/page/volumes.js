// Volumes: NiiVue draws planes and the 3-D view; what it draws is loaded piece by piece.

import { piece, script } from './asked.js'
import { corners, lengths, shown } from './place.js'

const RGB = 128
const SLICES = { axial: 0, coronal: 1, sagittal: 2 }

export class VolumeView {
  constructor(canvas, page) {
    this.canvas = canvas
    this.page = page
    this.serial = 0
    this.around = null
  }

  async start() {
    if (!window.niivue) await script('assets/niivue.umd.js')
    const { Niivue, DRAG_MODE } = window.niivue
    this.nv = new Niivue({
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.95, 0.75, 0.1, 0.9],
      crosshairWidth: 0.2,
      crosshairWidthUnit: 'percent',
      show3Dcrosshair: true,
      isRadiologicalConvention: true,
      isSliceMM: true,
      dragAndDropEnabled: false,
      multiplanarShowRender: 1,
      loadingText: '',
      logLevel: 'error',
    })
    this.nv.opts.mouseEventConfig = {
      leftButton: { primary: DRAG_MODE.crosshair },
      rightButton: DRAG_MODE.windowing,
      centerButton: DRAG_MODE.pan,
    }
    await this.nv.attachToCanvas(this.canvas)
    this.nv.onIntensityChange = (volume) => {
      if (volume === this.nv.volumes[0]) this.page.windowChanged(volume.cal_min, volume.cal_max)
    }
    this.nv.onLocationChange = () => this.page.crosshairMoved(this.crosshair())
    this.canvas.addEventListener('pointermove', (event) => {
      const mm = this.under(event)
      if (mm) this.page.pointerMoved(mm)
    })
    this.canvas.addEventListener('wheel', (event) => {
      if (!event.ctrlKey) return
      event.preventDefault()
      event.stopImmediatePropagation()
      this.zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15)
    }, { capture: true, passive: false })
    // NiiVue's own keys would do what the page doesn't know of
    for (const kind of ['keydown', 'keyup']) {
      this.canvas.addEventListener(kind, (event) => {
        if (kind === 'keydown' && this.page.key(event)) event.preventDefault()
        event.stopImmediatePropagation()
      }, { capture: true })
    }
  }

  // The point of the world below the pointer; null where there is no plane.
  under(event) {
    const frame = this.canvas.getBoundingClientRect()
    const dpr = this.nv.uiData.dpr || 1
    const at = [(event.clientX - frame.left) * dpr, (event.clientY - frame.top) * dpr]
    const frac = this.nv.canvasPos2frac(at)
    if (!this.nv.volumes.length || frac[0] < 0) return null
    return Array.from(this.nv.frac2mm(frac, 0, true)).slice(0, 3)
  }

  // Where a point of the world is drawn, in pixels of the page; null where it isn't.
  pixelOf(mm) {
    const frac = this.nv.mm2frac(mm, 0, true)
    const at = this.nv.frac2canvasPos(frac)
    const frame = this.canvas.getBoundingClientRect()
    const dpr = this.nv.uiData.dpr || 1
    return at && [at[0] / dpr + frame.left, at[1] / dpr + frame.top]
  }

  crosshair() {
    return Array.from(this.nv.frac2mm(this.nv.scene.crosshairPos, 0, true)).slice(0, 3)
  }

  moveTo(mm) {
    if (!this.nv.volumes.length) return
    this.nv.scene.crosshairPos = this.nv.mm2frac(mm, 0, true).map((part) => Math.min(1, Math.max(0, part)))
    this.nv.drawScene()
    this.page.crosshairMoved(this.crosshair())
  }

  // Show an image, its coarsest resolution first, then the finest that is not too much.
  async show(number) {
    const image = this.page.images[number]
    this.number = number
    this.fresh = true
    const coarsest = image.levels.length - 1
    await this.load(coarsest)
    const wanted = image.levels.findIndex((level) => level.bytes <= this.page.most)
    if (wanted >= 0 && wanted < coarsest && this.page.chosenLevel() === 'auto') await this.load(wanted)
  }

  // Load a resolution: all of it, or the piece around a point where that is too much.
  async load(level, around = null) {
    const serial = ++this.serial
    const { number } = this
    const image = this.page.images[number]
    const entry = this.page.entry(number)
    const query = { level, entry }
    if (!around && image.levels[level].bytes > this.page.most) around = this.fresh ? null : this.crosshair()
    if (around) query.around = around.join(',')
    this.page.say(`loading ${image.levels[level].shape.join(' x ')}`)
    const base = await piece(number, query)
    this.around = around
    if (serial !== this.serial || !base) return
    const over = []
    for (const other of this.page.overlays()) {
      const layer = await this.overlay(other, base, image.levels[level].bytes)
      if (layer) over.push({ other, layer })
    }
    if (serial !== this.serial) return
    await this.put(base, over)
    this.level = level
    this.page.loaded(level, around !== null, base)
  }

  // What another image holds where this piece is, at the finest resolution that isn't much finer.
  async overlay(number, base, bytes) {
    const { levels } = this.page.images[number]
    const most = this.around ? this.page.most : Math.min(this.page.most, 2 * bytes)
    const found = levels.findIndex((level) => level.bytes <= most)
    const level = found < 0 ? levels.length - 1 : found
    const over = corners(base.affine, base.dims).flat().join(',')
    return piece(number, { level, over, entry: this.page.entry(number) })
  }

  async put(base, over) {
    const at = this.fresh ? null : this.crosshair()
    const volumes = [await this.volume(base, this.number, 1)]
    for (const { other, layer } of over) volumes.push(await this.volume(layer, other, this.page.opacity()))
    this.nv.volumes = []
    for (const volume of volumes) this.nv.addVolume(volume)
    this.page.legend([[this.number, base], ...over.map(({ other, layer }) => [other, layer])])
    if (this.fresh) {
      this.nv.setIsOrientationTextVisible(this.page.images[this.number].known)
      this.nv.scene.pan2Dxyzmm = [0, 0, 0, 1]
      this.fresh = false
      this.moveTo(this.middle(base))
    } else {
      this.moveTo(at)
    }
    this.nv.setInterpolation(!this.page.smooth() || Boolean(base.labels))
  }

  middle({ affine, dims }) {
    const [x, y, z] = dims.map((size) => Math.floor(size / 2))
    return affine.slice(0, 3).map((row) => row[0] * x + row[1] * y + row[2] * z + row[3])
  }

  async volume(got, number, opacity) {
    const { NVImage } = window.niivue
    const bytes = NVImage.createNiftiArray(got.dims, lengths(got.affine), got.affine.flat(), got.datatype, got.voxels)
    if (got.datatype === RGB) new DataView(bytes.buffer).setInt16(72, 24, true) // bitpix (nifti1.h)
    const [low, high] = got.labels ? [NaN, NaN] : this.page.windowOf(number, got.window)
    const name = `${number}.nii`
    const volume = await NVImage.new(bytes.buffer, name, 'gray', opacity, null, low, high)
    if (got.labels) {
      const rows = [[0, 0, '', 0, 0, 0], ...got.labels]
      volume.setColormapLabel({
        R: rows.map((row) => row[3]),
        G: rows.map((row) => row[4]),
        B: rows.map((row) => row[5]),
        A: rows.map((row) => (row[0] ? 255 : 0)),
        I: rows.map((row) => row[0]),
        labels: rows.map((row) => row[2]),
      })
    } else if (number !== this.number) {
      volume.colormap = 'hot'
    }
    return volume
  }

  // The cross-hair has left the piece that is loaded, or is near its side: load the next one.
  async follow() {
    if (!this.around || !this.nv.volumes.length) return
    const frac = this.nv.scene.crosshairPos
    const near = [0, 1, 2].some((axis) => frac[axis] < 0.1 || frac[axis] > 0.9)
    const at = this.crosshair()
    const step = Math.hypot(...at.map((part, axis) => part - this.around[axis]))
    const side = Math.min(...lengths(this.nv.volumes[0].matRAS ? this.page.images[this.number].affine : []))
    if (near && step > 4 * side) await this.load(this.level, at)
  }

  window(low, high) {
    const [volume] = this.nv.volumes
    if (!volume) return
    volume.cal_min = low
    volume.cal_max = high
    this.nv.updateGLVolume()
  }

  setOpacity(value) {
    this.nv.volumes.forEach((_, number) => number && this.nv.setOpacity(number, value))
  }

  layout(kind) {
    this.nv.setSliceType(kind)
  }

  planes(kind) {
    this.nv.setSliceMM(kind === 'world')
  }

  radiological(on) {
    this.nv.setRadiologicalConvention(on)
  }

  smooth(on) {
    this.nv.setInterpolation(!on)
  }

  zoom(factor) {
    const [x, y, z, now] = this.nv.scene.pan2Dxyzmm
    this.nv.setPan2Dxyzmm([x, y, z, Math.min(64, Math.max(0.5, now * factor))])
    this.nv.setScale(Math.min(8, Math.max(0.3, this.nv.scene.volScaleMultiplier * factor)))
  }

  reset() {
    this.nv.setPan2Dxyzmm([0, 0, 0, 1])
    this.nv.setScale(1)
    this.nv.setRenderAzimuthElevation(110, 10)
  }

  // Keys of planes: the cross-hair moves within the plane that has the keys, and from plane to plane.
  move(across, along, through, plane) {
    const steps = { axial: [across, along, through], coronal: [across, through, along], sagittal: [through, across, along] }
    const [x, y, z] = steps[plane]
    const mirrored = this.nv.opts.isRadiologicalConvention && plane !== 'sagittal'
    this.nv.moveCrosshairInVox(mirrored ? -x : x, y, z)
    this.page.crosshairMoved(this.crosshair())
  }

  turn(azimuth, elevation) {
    const { renderAzimuth, renderElevation } = this.nv.scene
    this.nv.setRenderAzimuthElevation(renderAzimuth + azimuth, renderElevation + elevation)
  }

  describe() {
    return this.crosshair().map(shown).join(', ')
  }
}

export { SLICES }

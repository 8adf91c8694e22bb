// The settings beside the image: filled from what the server says, always as text, never as markup.

import { json } from './asked.js'
import { rounded } from './place.js'

export const $ = (id) => document.getElementById(id)

function cell(kind, text) {
  const element = document.createElement(kind)
  element.textContent = text
  return element
}

export function row(...cells) {
  const line = document.createElement('tr')
  line.append(...cells.map((text, at) => {
    const element = text instanceof Node ? cell(at ? 'td' : 'th', '') : cell(at ? 'td' : 'th', text)
    if (text instanceof Node) element.append(text)
    if (!at) element.scope = 'row'
    return element
  }))
  return line
}

export function options(select, pairs) {
  select.replaceChildren(...pairs.map(([value, text]) => {
    const option = cell('option', text)
    option.value = value
    return option
  }))
}

export function size(bytes) {
  const power = Math.min(3, Math.max(0, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(1024))))
  return `${Number((bytes / 1024 ** power).toPrecision(3))} ${['B', 'kB', 'MB', 'GB'][power]}`
}

export function levelNames(image, most, unit) {
  return image.levels.map((level, number) => {
    const part = !image.flat && level.bytes > most ? ', a part of it' : ''
    const sampled = level.sampled ? `, every ${level.factor}th voxel` : ''
    const steps = level.spacing.map((step) => Number(step.toPrecision(3))).join(' x ')
    return [number, `${level.shape.join(' x ')} (${steps} ${unit}, ${size(level.bytes)}${sampled}${part})`]
  })
}

export function facts(image) {
  $('facts').tBodies[0].replaceChildren(...image.facts.map(([name, value]) => row(name, value)))
  $('notes').replaceChildren(...image.notes.map((note) => cell('li', note)))
}

export function swatch([red, green, blue]) {
  const square = cell('span', '')
  square.className = 'swatch'
  square.style.backgroundColor = `rgb(${red},${green},${blue})`
  return square
}

export function legend(rows) {
  $('legend').hidden = !rows.length
  $('legend').tBodies[0].replaceChildren(
    ...rows.slice(0, 400).map(([value, name, ...colour]) => row(swatch(colour), String(value), name || '(no name)')))
}

// One slider for each axis that isn't of space.
export function entrySliders(image, entry, changed) {
  const place = $('entries')
  place.hidden = !image.entries.some((axis) => axis.size > 1)
  place.querySelectorAll('label').forEach((old) => old.remove())
  image.entries.forEach((axis, at) => {
    if (axis.size < 2) return
    const label = cell('label', '')
    const text = cell('span', '')
    const slider = document.createElement('input')
    slider.type = 'range'
    Object.assign(slider, { min: 0, max: axis.size - 1, step: 1, value: entry[at] })
    slider.dataset.axis = at
    const name = () => {
      const own = axis.names[slider.value]
      text.textContent = `${axis.name} ${slider.value}${own ? `: ${own} ${axis.unit}` : ` of ${axis.size}`}`
      slider.setAttribute('aria-valuetext', text.textContent)
    }
    slider.setAttribute('aria-label', axis.name)
    slider.addEventListener('input', name)
    slider.addEventListener('change', () => changed(at, Number(slider.value)))
    name()
    label.append(text, slider)
    place.append(label)
  })
}

export async function header(number) {
  const rows = await json(`image/${number}/header.json`)
  const body = $('header').querySelector('tbody')
  const draw = () => {
    const wanted = $('find').value.toLowerCase()
    body.replaceChildren(...rows.filter((one) => one.join(' ').toLowerCase().includes(wanted)).map(([name, value]) => row(name, value)))
  }
  $('find').oninput = draw
  draw()
}

export function readout(found, unit, under) {
  $('value').textContent = found.inside ? found.values.join(', ') : 'outside of the image'
  $('position').textContent = `${under.map(rounded).join(', ')} ${unit}`
  $('voxel').textContent = found.inside ? found.voxel.join(', ') : '–'
}

export function labelReadout(text) {
  $('label').hidden = $('label-term').hidden = text === null
  $('label').textContent = text || ''
}

// Where things lie: 4 x 4 matrices as rows, from indices x, y, z to the world of the page.

export function point(matrix, [x, y, z]) {
  return [0, 1, 2].map((row) => matrix[row][0] * x + matrix[row][1] * y + matrix[row][2] * z + matrix[row][3])
}

export function inverse(matrix) {
  const [a, b, c] = matrix
  const minor = (i, j) => {
    const [r, s] = [0, 1, 2].filter((row) => row !== i)
    const [u, v] = [0, 1, 2].filter((column) => column !== j)
    return ((i + j) % 2 ? -1 : 1) * (matrix[r][u] * matrix[s][v] - matrix[r][v] * matrix[s][u])
  }
  const whole = a[0] * minor(0, 0) + b[0] * minor(1, 0) + c[0] * minor(2, 0)
  const rows = [0, 1, 2].map((i) => [0, 1, 2].map((j) => minor(j, i) / whole))
  const shift = rows.map((row) => -(row[0] * a[3] + row[1] * b[3] + row[2] * c[3]))
  return [...rows.map((row, i) => [...row, shift[i]]), [0, 0, 0, 1]]
}

// The outer corners of a box of voxels: half a voxel beyond the centres.
export function corners(matrix, dims) {
  const ends = dims.map((size) => [-0.5, size - 0.5])
  return ends[0].flatMap((x) => ends[1].flatMap((y) => ends[2].map((z) => point(matrix, [x, y, z]))))
}

export function lengths(matrix) {
  return [0, 1, 2].map((column) => Math.hypot(matrix[0][column], matrix[1][column], matrix[2][column]))
}

export function shown(number) {
  return Number.isFinite(number) ? String(Number(number.toPrecision(7))) : '–'
}

// A position: the graphics' numbers have 24 bits, more digits than these would be noise.
export function rounded(number) {
  return Number.isFinite(number) ? String(Number(number.toFixed(3))) : '–'
}

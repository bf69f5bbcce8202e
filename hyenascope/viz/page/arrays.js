// Arrays as Python sends them: plain lists, typed arrays, or base64 with a dtype.

const ARRAY_TYPES = {
  i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array,
  i4: Int32Array, u4: Uint32Array, f4: Float32Array, f8: Float64Array,
};

function toArray(spec) {
  if (spec == null || Array.isArray(spec) || ArrayBuffer.isView(spec)) return spec;
  const bytes = Uint8Array.from(atob(spec.bdata), (letter) => letter.charCodeAt(0));
  return new ARRAY_TYPES[spec.dtype](bytes.buffer);
}

function asRows(flat, shape) {
  const [rows, ...inner] = String(shape).split(",").map(Number);
  const size = inner.reduce((product, length) => product * length, 1);
  return Array.from({ length: rows }, (_, row) => {
    const part = flat.subarray(row * size, (row + 1) * size);
    return inner.length > 1 ? asRows(part, inner) : part;
  });
}

// Rows of a matrix: a list of lists, or one flat array with a shape.
function toRows(spec) {
  if (spec == null || Array.isArray(spec)) return spec ?? [];
  return asRows(toArray(spec), spec.shape);
}

// The first index whose value is at least `value`; `sorted` rises.
function lowerBound(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

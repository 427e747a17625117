/*
 * Runs model.onnx, in plain JavaScript: the operations that the project's networks are exported to
 * of the ONNX standard, and no others. The networks are small, so that the page needs
 * no runtime of megabytes. A test compares every kind of network with ONNX Runtime in Python.
 */

// ---- the file, which is a protocol buffer ---------------------------------------------------------

const text = new TextDecoder();

/** All fields of a message: Map from number to values, numbers or Uint8Arrays. */
function fieldsOf(bytes) {
  const fields = new Map();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = () => {
    let value = 0n, byte;
    for (let shift = 0n; ; shift += 7n) {
      byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, value));
    }
  };
  while (at < bytes.length) {
    const key = varint(), number = key >> 3;
    let value;
    if ((key & 7) === 0) value = varint();
    else if ((key & 7) === 2) { const length = varint(); value = bytes.subarray(at, at + length); at += length; }
    else if ((key & 7) === 5) { value = view.getFloat32(at, true); at += 4; }
    else if ((key & 7) === 1) { value = view.getFloat64(at, true); at += 8; }
    else throw new Error("the model’s file is damaged");
    if (!fields.has(number)) fields.set(number, []);
    fields.get(number).push(value);
  }
  return fields;
}

const all = (fields, number) => fields.get(number) ?? [];
const one = (fields, number, otherwise) => all(fields, number).at(-1) ?? otherwise;
const string = (bytes) => text.decode(bytes ?? new Uint8Array());

/** Numbers that are written one by one, or packed into one field. */
function integers(values) {
  return values.flatMap((value) => {
    if (typeof value === "number") return [value];
    const unpacked = new Uint8Array(value.length + 2 * value.length);
    let length = 0, packed = [];
    for (const byte of value) { // each as a field of its own
      if (!packed.length) unpacked[length++] = 8;
      unpacked[length++] = byte;
      packed.push(byte);
      if (byte < 128) packed = [];
    }
    return all(fieldsOf(unpacked.subarray(0, length)), 1);
  });
}

const FLOAT = 1, INT32 = 6, INT64 = 7, BOOL = 9, DOUBLE = 11;

/** A tensor: {dims, data}; floats in a Float32Array, integers and truth values in a Float64Array. */
const tensor = (dims, data) => ({ dims, data });
const isWhole = ({ data }) => data instanceof Float64Array;
const sizeOf = (dims) => dims.reduce((product, each) => product * each, 1);

function tensorOf(bytes) {
  const fields = fieldsOf(bytes);
  const dims = integers(all(fields, 1)), type = one(fields, 2), raw = one(fields, 9);
  const copy = (from) => from.buffer.slice(from.byteOffset, from.byteOffset + from.byteLength);
  let data;
  if (type === FLOAT) {
    const packed = all(fields, 4).flatMap((value) => (typeof value === "number" ? [value] : [...new Float32Array(copy(value))]));
    data = raw ? new Float32Array(copy(raw)) : Float32Array.from(packed);
  } else if (type === INT64) data = Float64Array.from(raw ? [...new BigInt64Array(copy(raw))].map(Number) : integers(all(fields, 7)));
  else if (type === INT32) data = Float64Array.from(raw ? new Int32Array(copy(raw)) : integers(all(fields, 5)));
  else if (type === BOOL) data = Float64Array.from(raw ?? integers(all(fields, 5)));
  else if (type === DOUBLE && raw) data = Float32Array.from(new Float64Array(copy(raw)));
  else throw new Error(`the model has a tensor of type ${type}, which this page does not know`);
  return { name: string(one(fields, 8)), ...tensor(dims, data) };
}

/** float, integer, string, tensor, floats, integers: fields 2, 3, 4, 5, 7, 8, told apart by field 20. */
function attributeOf(bytes) {
  const fields = fieldsOf(bytes);
  const value = {
    1: () => one(fields, 2, 0), 2: () => one(fields, 3, 0), 3: () => string(one(fields, 4)), 4: () => tensorOf(one(fields, 5)),
    7: () => integers(all(fields, 8)),
  }[one(fields, 20)];
  return [string(one(fields, 1)), value ? value() : undefined];
}

function nodeOf(bytes) {
  const fields = fieldsOf(bytes);
  return {
    operation: string(one(fields, 4)),
    inputs: all(fields, 1).map(string),
    outputs: all(fields, 2).map(string),
    attributes: Object.fromEntries(all(fields, 5).map(attributeOf)),
  };
}

// ---- operations ----------------------------------------------------------------------------------

/** Steps through a tensor of `dims` as if it had the shape `out`: 0 along what is repeated. */
function stridesIn(dims, out) {
  const strides = new Array(out.length).fill(0);
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    const place = axis + out.length - dims.length;
    strides[place] = dims[axis] === 1 ? 0 : step;
    step *= dims[axis];
  }
  return strides;
}

function broadcast(...shapes) {
  const length = Math.max(...shapes.map((dims) => dims.length));
  return Array.from({ length }, (_, place) => {
    const found = shapes.map((dims) => dims[place - length + dims.length] ?? 1).filter((each) => each !== 1);
    return found.length ? found[0] : 1;
  });
}

/** Call visit(index, ...offsets) for all elements of a shape, with the offset in each operand. */
function walk(dims, strides, visit) {
  const count = sizeOf(dims), counter = new Array(dims.length).fill(0), offsets = strides.map(() => 0);
  for (let index = 0; index < count; index++) {
    visit(index, offsets);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      counter[axis]++;
      for (let k = 0; k < offsets.length; k++) offsets[k] += strides[k][axis];
      if (counter[axis] < dims[axis]) break;
      for (let k = 0; k < offsets.length; k++) offsets[k] -= strides[k][axis] * dims[axis];
      counter[axis] = 0;
    }
  }
}

const alike = (given, count) => (isWhole(given) ? new Float64Array(count) : new Float32Array(count));

const each = (compute) => (given) => {
  const data = alike(given, given.data.length);
  for (let i = 0; i < data.length; i++) data[i] = compute(given.data[i]);
  return tensor(given.dims, data);
};

const pair = (compute, truth = false) => (a, b) => {
  const dims = broadcast(a.dims, b.dims), count = sizeOf(dims);
  const data = truth ? new Float64Array(count) : alike(a, count);
  const whole = isWhole(a) && !truth;
  if (b.data.length === 1 && a.data.length === count) {
    const other = b.data[0];
    for (let i = 0; i < count; i++) data[i] = compute(a.data[i], other, whole);
  } else if (a.data.length === count && b.data.length === count) {
    for (let i = 0; i < count; i++) data[i] = compute(a.data[i], b.data[i], whole);
  } else {
    walk(dims, [stridesIn(a.dims, dims), stridesIn(b.dims, dims)], (i, [x, y]) => { data[i] = compute(a.data[x], b.data[y], whole); });
  }
  return tensor(dims, data);
};

const from = (axis, dims) => (axis < 0 ? axis + dims.length : axis);

/** [before, along, after]: a shape seen from one axis. */
const around = (dims, axis) => [sizeOf(dims.slice(0, axis)), dims[axis], sizeOf(dims.slice(axis + 1))];

function transpose(given, order) {
  const perm = order ?? given.dims.map((_, axis) => given.dims.length - 1 - axis);
  const steps = given.dims.map((_, axis) => sizeOf(given.dims.slice(axis + 1)));
  const dims = perm.map((axis) => given.dims[axis]), data = alike(given, given.data.length);
  walk(dims, [perm.map((axis) => steps[axis])], (i, [x]) => { data[i] = given.data[x]; });
  return tensor(dims, data);
}

/** Over the axes of the second input: fold(sum so far, value), from `first`; then finish(sum, count). */
const reduce = (first, fold, finish = (sum) => sum) => (given, axes, { keepdims = 1 }) => {
  const gone = new Set(axes ? [...axes.data].map((axis) => from(axis, given.dims)) : given.dims.keys());
  const kept = given.dims.map((size, axis) => (gone.has(axis) ? 1 : size));
  const sums = new Float64Array(sizeOf(kept)).fill(first);
  walk(given.dims, [stridesIn(kept, given.dims)], (i, [x]) => { sums[x] = fold(sums[x], given.data[i]); });
  const count = given.data.length / sums.length, data = alike(given, sums.length);
  for (let i = 0; i < data.length; i++) data[i] = finish(sums[i], count);
  return tensor(keepdims ? kept : given.dims.filter((_, axis) => !gone.has(axis)), data);
};

function slice(given, starts, ends, axes, steps) {
  const first = given.dims.map(() => 0), step = given.dims.map(() => 1), dims = [...given.dims];
  starts.data.forEach((start, n) => {
    const axis = axes ? from(axes.data[n], given.dims) : n, size = given.dims[axis];
    step[axis] = steps ? steps.data[n] : 1;
    if (step[axis] <= 0) throw new Error("the model slices backwards, which this page does not know");
    const place = (value) => Math.min(Math.max(value < 0 ? value + size : value, 0), size);
    first[axis] = place(start);
    dims[axis] = Math.max(Math.ceil((place(ends.data[n]) - first[axis]) / step[axis]), 0);
  });
  const strides = given.dims.map((_, axis) => sizeOf(given.dims.slice(axis + 1)));
  const origin = first.reduce((sum, value, axis) => sum + value * strides[axis], 0);
  const data = alike(given, sizeOf(dims));
  walk(dims, [strides.map((value, axis) => value * step[axis])], (i, [x]) => { data[i] = given.data[origin + x]; });
  return tensor(dims, data);
}

function concat(parts, axis) {
  const place = from(axis, parts[0].dims), dims = [...parts[0].dims];
  dims[place] = parts.reduce((sum, part) => sum + part.dims[place], 0);
  const data = alike(parts[0], sizeOf(dims)), [before, along, after] = around(dims, place);
  let offset = 0;
  for (const part of parts) {
    const length = part.dims[place] * after;
    for (let b = 0; b < before; b++) data.set(part.data.subarray(b * length, (b + 1) * length), b * along * after + offset);
    offset += length;
  }
  return tensor(dims, data);
}

function gather(given, indices, axis) {
  const place = from(axis, given.dims), [before, along, after] = around(given.dims, place);
  const dims = [...given.dims.slice(0, place), ...indices.dims, ...given.dims.slice(place + 1)];
  const data = alike(given, sizeOf(dims));
  let at = 0;
  for (let b = 0; b < before; b++) {
    for (const index of indices.data) {
      const start = (b * along + (index < 0 ? index + along : index)) * after;
      data.set(given.data.subarray(start, start + after), at);
      at += after;
    }
  }
  return tensor(dims, data);
}

function reshape(given, shape) {
  const dims = [...shape.data].map((size, axis) => (size === 0 ? given.dims[axis] : size));
  const open = dims.indexOf(-1);
  if (open >= 0) dims[open] = given.data.length / -sizeOf(dims);
  return tensor(dims, given.data);
}

function unsqueeze(given, axes) {
  const rank = given.dims.length + axes.data.length;
  const places = new Set([...axes.data].map((axis) => (axis < 0 ? axis + rank : axis)));
  const left = [...given.dims];
  return tensor(Array.from({ length: rank }, (_, place) => (places.has(place) ? 1 : left.shift())), given.data);
}

function softmax(given, axis) {
  const [before, along, after] = around(given.dims, from(axis, given.dims));
  const data = new Float32Array(given.data.length);
  for (let b = 0; b < before; b++) {
    for (let a = 0; a < after; a++) {
      const at = (n) => (b * along + n) * after + a;
      let highest = -Infinity, sum = 0;
      for (let n = 0; n < along; n++) highest = Math.max(highest, given.data[at(n)]);
      for (let n = 0; n < along; n++) sum += Math.exp(given.data[at(n)] - highest);
      for (let n = 0; n < along; n++) data[at(n)] = Math.exp(given.data[at(n)] - highest) / sum;
    }
  }
  return tensor(given.dims, data);
}

function matmul(a, b) {
  const [rows, inner] = a.dims.slice(-2), columns = b.dims.at(-1);
  const outer = broadcast(a.dims.slice(0, -2), b.dims.slice(0, -2));
  const data = new Float32Array(sizeOf(outer) * rows * columns);
  walk(outer, [stridesIn(a.dims.slice(0, -2), outer), stridesIn(b.dims.slice(0, -2), outer)], (n, [x, y]) => {
    multiply(a.data, x * rows * inner, b.data, y * inner * columns, data, n * rows * columns, rows, inner, columns);
  });
  return tensor([...outer, rows, columns], data);
}

function multiply(a, atA, b, atB, out, at, rows, inner, columns) {
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < inner; k++) {
      const value = a[atA + r * inner + k];
      for (let c = 0; c < columns; c++) out[at + r * columns + c] += value * b[atB + k * columns + c];
    }
  }
}

function gemm(a, b, c, { alpha = 1, beta = 1, transA = 0, transB = 0 }) {
  const made = matmul(transA ? transpose(a) : a, transB ? transpose(b) : b);
  const scaled = alpha === 1 ? made : each((value) => alpha * value)(made);
  return c ? operations.Add([scaled, beta === 1 ? c : each((value) => beta * value)(c)]) : scaled;
}

function normalize(x, scale, bias, mean, variance, { epsilon = 1e-5 }) {
  const [batch, channels, length] = [x.dims[0], x.dims[1], sizeOf(x.dims.slice(2))];
  const data = new Float32Array(x.data.length);
  for (let n = 0, at = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      const factor = scale.data[c] / Math.sqrt(variance.data[c] + epsilon);
      const shift = bias.data[c] - mean.data[c] * factor;
      for (let t = 0; t < length; t++, at++) data[at] = x.data[at] * factor + shift;
    }
  }
  return tensor(x.dims, data);
}

/** Add to sums (rows) the product of a matrix, its rows one after the other from `first`, and a vector. */
function addProduct(matrix, first, rows, columns, vector, sums) {
  let row = 0;
  for (; row + 3 < rows; row += 4) { // four at once: the vector is read a quarter as often
    const a = first + row * columns, b = a + columns, c = b + columns, d = c + columns;
    let one = 0, two = 0, three = 0, four = 0;
    for (let k = 0; k < columns; k++) {
      const value = vector[k];
      one += matrix[a + k] * value;
      two += matrix[b + k] * value;
      three += matrix[c + k] * value;
      four += matrix[d + k] * value;
    }
    sums[row] += one;
    sums[row + 1] += two;
    sums[row + 2] += three;
    sums[row + 3] += four;
  }
  for (; row < rows; row++) {
    for (let k = 0; k < columns; k++) sums[row] += matrix[first + row * columns + k] * vector[k];
  }
}

function convolve(x, weight, bias, { pads = [0, 0], strides = [1], dilations = [1], group = 1 }) {
  if (x.dims.length !== 3 || group !== 1) throw new Error("the model has a convolution of a kind that this page does not know");
  const [batch, inputs, length] = x.dims, [outputs, , kernel] = weight.dims;
  const [stride] = strides, [dilation] = dilations;
  const steps = Math.floor((length + pads[0] + pads[1] - dilation * (kernel - 1) - 1) / stride) + 1;
  const data = new Float32Array(batch * outputs * steps), wide = inputs * kernel;
  const weights = Float64Array.from(weight.data), values = x.data;
  const patch = new Float64Array(wide), sums = new Float64Array(outputs);
  for (let n = 0; n < batch; n++) {
    for (let t = 0; t < steps; t++) {
      for (let i = 0, p = 0; i < inputs; i++) {
        const start = (n * inputs + i) * length;
        for (let k = 0; k < kernel; k++, p++) {
          const at = t * stride - pads[0] + k * dilation;
          patch[p] = at >= 0 && at < length ? values[start + at] : 0;
        }
      }
      sums.fill(0);
      if (bias) sums.set(bias.data);
      addProduct(weights, 0, outputs, wide, patch, sums);
      for (let o = 0; o < outputs; o++) data[(n * outputs + o) * steps + t] = sums[o];
    }
  }
  return tensor([batch, outputs, steps], data);
}

function maxPool(x, { kernel_shape: [kernel], strides = [1], pads = [0, 0], ceil_mode: up = 0 }) {
  if (x.dims.length !== 3) throw new Error("the model pools in a way that this page does not know");
  const [batch, channels, length] = x.dims, [stride] = strides;
  const steps = Math[up ? "ceil" : "floor"]((length + pads[0] + pads[1] - kernel) / stride) + 1;
  const data = new Float32Array(batch * channels * steps);
  for (let row = 0, at = 0; row < batch * channels; row++) {
    for (let t = 0; t < steps; t++, at++) {
      const first = Math.max(t * stride - pads[0], 0), last = Math.min(t * stride - pads[0] + kernel, length);
      let highest = -Infinity;
      for (let k = first; k < last; k++) highest = Math.max(highest, x.data[row * length + k]);
      data[at] = highest;
    }
  }
  return tensor([batch, channels, steps], data);
}

const sigmoid = (value) => 1 / (1 + Math.exp(-value));

/** What each kind of recurrent cell makes of its gates' sums; they are `gates` times as many as units. */
const CELLS = {
  LSTM: {
    gates: 4,
    step(input, hidden, cell, state, units) { // gates: input, output, forget, cell
      for (let u = 0; u < units; u++) {
        const sum = (gate) => input[gate * units + u] + hidden[gate * units + u];
        cell[u] = sigmoid(sum(2)) * cell[u] + sigmoid(sum(0)) * Math.tanh(sum(3));
        state[u] = sigmoid(sum(1)) * Math.tanh(cell[u]);
      }
    },
  },
  GRU: {
    gates: 3,
    step(input, hidden, _, state, units) { // gates: update, reset, hidden; reset after the product, as PyTorch does
      for (let u = 0; u < units; u++) {
        const update = sigmoid(input[u] + hidden[u]), reset = sigmoid(input[units + u] + hidden[units + u]);
        const fresh = Math.tanh(input[2 * units + u] + reset * hidden[2 * units + u]);
        state[u] = (1 - update) * fresh + update * state[u];
      }
    },
  },
};

function recurrent(kind, [x, weight, recurrence, bias, , first, firstCell], { direction = "forward", hidden_size: units, linear_before_reset: after = 1 }) {
  if (!after || direction === "reverse") throw new Error(`the model has ${kind} layers of a kind that this page does not know`);
  const { gates, step } = CELLS[kind];
  const [steps, batch, inputs] = x.dims, [ways] = weight.dims, wide = gates * units;
  const out = new Float32Array(steps * ways * batch * units);
  const ends = [new Float32Array(ways * batch * units), new Float32Array(ways * batch * units)];
  const weights = Float64Array.from(weight.data), recurrences = Float64Array.from(recurrence.data);
  const read = new Float64Array(inputs), input = new Float64Array(wide), hidden = new Float64Array(wide);
  for (let way = 0; way < ways; way++) {
    for (let n = 0; n < batch; n++) {
      const begin = (way * batch + n) * units;
      const state = Float64Array.from(first ? first.data.subarray(begin, begin + units) : new Array(units).fill(0));
      const cell = Float64Array.from(firstCell ? firstCell.data.subarray(begin, begin + units) : new Array(units).fill(0));
      for (let s = 0; s < steps; s++) {
        const t = way ? steps - 1 - s : s, at = (t * batch + n) * inputs;
        read.set(x.data.subarray(at, at + inputs));
        input.fill(0);
        hidden.fill(0);
        if (bias) {
          input.set(bias.data.subarray(2 * way * wide, (2 * way + 1) * wide));
          hidden.set(bias.data.subarray((2 * way + 1) * wide, (2 * way + 2) * wide));
        }
        addProduct(weights, way * wide * inputs, wide, inputs, read, input);
        addProduct(recurrences, way * wide * units, wide, units, state, hidden);
        step(input, hidden, cell, state, units);
        out.set(state, ((t * ways + way) * batch + n) * units);
      }
      ends[0].set(state, begin);
      ends[1].set(cell, begin);
    }
  }
  return [tensor([steps, ways, batch, units], out), ...ends.map((data) => tensor([ways, batch, units], data))];
}

/** The largest or smallest values along an axis, in order, and where they were. */
function topK(given, count, { axis = -1, largest = 1 }) {
  const place = from(axis, given.dims), [before, along, after] = around(given.dims, place), k = count.data[0];
  const dims = given.dims.map((size, at) => (at === place ? k : size));
  const values = alike(given, sizeOf(dims)), indices = new Float64Array(values.length);
  for (let b = 0; b < before; b++) {
    for (let a = 0; a < after; a++) {
      const value = (n) => given.data[(b * along + n) * after + a];
      const order = Array.from({ length: along }, (_, n) => n).sort((m, n) => (largest ? value(n) - value(m) : value(m) - value(n)) || m - n);
      for (let n = 0; n < k; n++) {
        values[(b * k + n) * after + a] = value(order[n]);
        indices[(b * k + n) * after + a] = order[n];
      }
    }
  }
  return [tensor(dims, values), tensor(dims, indices)];
}

function where(condition, a, b) {
  const dims = broadcast(condition.dims, a.dims, b.dims), data = alike(a, sizeOf(dims));
  walk(dims, [condition, a, b].map((given) => stridesIn(given.dims, dims)), (i, [c, x, y]) => { data[i] = condition.data[c] ? a.data[x] : b.data[y]; });
  return tensor(dims, data);
}

function clip(given, low, high) {
  const [least, most] = [low?.data[0] ?? -Infinity, high?.data[0] ?? Infinity];
  return each((value) => Math.min(Math.max(value, least), most))(given);
}

function cast(given, { to }) {
  if (to === FLOAT || to === DOUBLE) return tensor(given.dims, Float32Array.from(given.data));
  return tensor(given.dims, Float64Array.from(given.data, to === BOOL ? (value) => (value ? 1 : 0) : Math.trunc));
}

const unary = (compute) => ([given]) => each(compute)(given);
const binary = (compute, truth) => { const made = pair(compute, truth); return ([a, b]) => made(a, b); };
const reduced = (...how) => { const made = reduce(...how); return ([given, axes], attributes) => made(given, axes, attributes); };
const add = (sum, value) => sum + value;
const whole = (values) => tensor([values.length], Float64Array.from(values));

/** By name: from inputs, undefined where one is left out, and attributes to the output or outputs. */
const operations = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b, integer) => (integer ? Math.trunc(a / b) : a / b)),
  Mod: binary((a, b) => a - b * Math.floor(a / b)),
  Pow: binary((a, b) => a ** b),
  Less: binary((a, b) => a < b, true),
  Greater: binary((a, b) => a > b, true),
  Equal: binary((a, b) => a === b, true),
  Sqrt: unary(Math.sqrt),
  Log: unary(Math.log),
  Asinh: unary(Math.asinh),
  Tanh: unary(Math.tanh),
  Sigmoid: unary(sigmoid),
  Relu: unary((value) => Math.max(value, 0)),
  ReduceSum: reduced(0, add),
  ReduceMean: reduced(0, add, (sum, count) => sum / count),
  ReduceMax: reduced(-Infinity, Math.max),
  ReduceMin: reduced(Infinity, Math.min),
  Identity: ([given]) => given,
  Constant: (_, { value }) => value,
  ConstantOfShape: ([shape], { value }) => {
    const fill = value ?? tensor([1], new Float32Array(1));
    return tensor([...shape.data], alike(fill, sizeOf([...shape.data])).fill(fill.data[0]));
  },
  Shape: ([given]) => whole(given.dims),
  Cast: ([given], attributes) => cast(given, attributes),
  Concat: (parts, { axis }) => concat(parts, axis),
  Flatten: ([given], { axis = 1 }) => tensor([sizeOf(given.dims.slice(0, axis)), sizeOf(given.dims.slice(axis))], given.data),
  Gather: ([given, indices], { axis = 0 }) => gather(given, indices, axis),
  Reshape: ([given, shape]) => reshape(given, shape),
  Slice: (inputs) => slice(...inputs),
  Squeeze: ([given, axes]) => {
    const gone = axes && [...axes.data].map((axis) => from(axis, given.dims));
    return tensor(given.dims.filter((size, axis) => (gone ? !gone.includes(axis) : size !== 1)), given.data);
  },
  Transpose: ([given], { perm }) => transpose(given, perm),
  Unsqueeze: ([given, axes]) => unsqueeze(given, axes),
  Where: (inputs) => where(...inputs),
  Clip: (inputs) => clip(...inputs),
  Softmax: ([given], { axis = -1 }) => softmax(given, axis),
  MatMul: ([a, b]) => matmul(a, b),
  Gemm: ([a, b, c], attributes) => gemm(a, b, c, attributes),
  BatchNormalization: (inputs, attributes) => normalize(...inputs, attributes),
  Conv: ([x, weight, bias], attributes) => convolve(x, weight, bias, attributes),
  MaxPool: ([x], attributes) => maxPool(x, attributes),
  LSTM: (inputs, attributes) => recurrent("LSTM", inputs, attributes),
  GRU: (inputs, attributes) => recurrent("GRU", inputs, { linear_before_reset: 0, ...attributes }),
  TopK: ([given, count], attributes) => topK(given, count, attributes),
};

// ---- the graph -----------------------------------------------------------------------------------

/** A model, read from the bytes of its file. */
export class Model {
  constructor(bytes) {
    const graph = fieldsOf(one(fieldsOf(bytes), 7));
    this.constants = new Map(all(graph, 5).map(tensorOf).map(({ name, ...made }) => [name, made]));
    this.nodes = all(graph, 1).map(nodeOf);
    const unknown = [...new Set(this.nodes.map(({ operation }) => operation).filter((name) => !Object.hasOwn(operations, name)))];
    if (unknown.length) throw new Error(`the model has operations that this page does not know: ${unknown.join(", ")}`);
    this.outputs = all(graph, 12).map((bytes) => string(one(fieldsOf(bytes), 1)));
  }

  /** The outputs by name, {dims, data}, for inputs by name; floats are Float32Arrays. */
  run(inputs) {
    const values = new Map([...this.constants, ...Object.entries(inputs)]);
    for (const { operation, inputs: names, outputs, attributes } of this.nodes) {
      const made = operations[operation](names.map((name) => (name ? values.get(name) : undefined)), attributes);
      const several = Array.isArray(made) ? made : [made];
      outputs.forEach((name, n) => values.set(name, several[n]));
    }
    return Object.fromEntries(this.outputs.map((name) => [name, values.get(name)]));
  }
}

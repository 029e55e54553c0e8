// A ZIP file without compression: what is put in is compressed already.

const TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
  for (let bit = 0; bit < 8; bit++) number = number & 1 ? 0xedb88320 ^ (number >>> 1) : number >>> 1;
  return number;
});
const MOST_BYTES = 2 ** 32 - 1;
const MOST_FILES = 2 ** 16 - 1;
const UTF8 = 0x0800;
const DATE = 0x21; // 1 January 1980: the same files, the same bytes

function crc32(bytes) {
  let value = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) value = TABLE[(value ^ bytes[i]) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

function header(signature, fields) {
  const bytes = new Uint8Array(4 + fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, signature, true);
  let at = 4;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}

// files: [name, Blob] each; names that occur twice get a number.
export async function zip(files) {
  const parts = [];
  const directory = [];
  const used = new Set();
  let offset = 0;
  for (const [wanted, blob] of files) {
    const name = new TextEncoder().encode(unused(wanted, used));
    const size = blob.size;
    const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
    if (offset + size > MOST_BYTES || files.length > MOST_FILES)
      throw new Error("Too much for one ZIP file: save the results one by one, or use unmask-run.");
    const common = [[2, 20], [2, UTF8], [2, 0], [2, 0], [2, DATE], [4, crc], [4, size], [4, size], [2, name.length], [2, 0]];
    const local = header(0x04034b50, common);
    parts.push(local, name, blob);
    directory.push(header(0x02014b50, [[2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]), name);
    offset += local.length + name.length + size;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const count = directory.length / 2;
  const end = header(0x06054b50, [[2, 0], [2, 0], [2, count], [2, count], [4, length], [4, offset], [2, 0]]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

function unused(wanted, used) {
  const dot = wanted.lastIndexOf(".");
  let name = wanted;
  for (let number = 2; used.has(name); number++) name = `${wanted.slice(0, dot)} (${number})${wanted.slice(dot)}`;
  used.add(name);
  return name;
}

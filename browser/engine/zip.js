// Files in one ZIP, as they are: pictures are packed already.

import { crc32 } from "./picture.js";

export async function archiveOf(files) {
  const parts = [];
  const entries = [];
  const taken = new Set();
  let offset = 0;
  for (const [wanted, blob] of files) {
    const name = new TextEncoder().encode(unused(wanted, taken));
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const facts = [crc32(bytes), bytes.length];
    const head = header(0x04034b50, 30, name, facts);
    parts.push(head, bytes);
    entries.push(header(0x02014b50, 46, name, facts, offset));
    offset += head.length + bytes.length;
  }
  const size = entries.reduce((sum, entry) => sum + entry.length, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, files.length, true);
  end.setUint16(10, files.length, true);
  end.setUint32(12, size, true);
  end.setUint32(16, offset, true);
  return new Blob([...parts, ...entries, end.buffer], { type: "application/zip" });
}

function unused(name, taken) {
  let free = name;
  for (let turn = 2; taken.has(free); turn += 1) free = name.replace(/(\.[^.]*)?$/, `-${turn}$1`);
  taken.add(free);
  return free;
}

// Of a file where it stands, or in the list at the end, which says where that is.
function header(signature, length, name, [crc, size], offset = null) {
  const bytes = new Uint8Array(length + name.length);
  const view = new DataView(bytes.buffer);
  const at = offset === null ? 4 : 6;
  view.setUint32(0, signature, true);
  if (offset !== null) view.setUint16(4, 20, true);
  view.setUint16(at, 20, true);
  view.setUint16(at + 2, 0x0800, true); // names are UTF-8
  view.setUint16(at + 8, 0x21, true); // the first of January 1980
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, name.length, true);
  if (offset !== null) view.setUint32(42, offset, true);
  bytes.set(name, length);
  return bytes;
}

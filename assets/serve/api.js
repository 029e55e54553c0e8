// Questions to the server, and what comes back: every refusal is an Error with its one sentence.

export async function ask(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is unmask-serve still running?");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.detail || `The server answers ${answer.status}.`);
  return body;
}

export function form(parts) {
  const data = new FormData();
  for (const [name, value] of Object.entries(parts)) if (value !== null && value !== undefined) data.append(name, value);
  return { method: "POST", body: data };
}

// The page's policy lets nothing be fetched but from this server, not even data: URLs.
export function toBlob(dataUrl) {
  const [head, text] = dataUrl.split(",", 2);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new Blob([bytes], { type: head.slice(5).split(";")[0] });
}

// As the file has its pixels: a colour profile would make the photograph look other than the result, which has none.
export function toBitmap(blob) {
  return createImageBitmap(blob, { colorSpaceConversion: "none" });
}

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

export function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

// What openapi.json says, for people.

import { ask, element } from "./api.js";

const $ = (id) => document.getElementById(id);

function words(schema = {}) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(words).join(" or ");
  if (schema.enum) return schema.enum.join(", ");
  if (schema.type === "array") return `${words(schema.items)}, any number`;
  return schema.format === "binary" ? "file" : schema.type || "";
}

// A text with `code` in it.
function marked(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function table(rows) {
  const cells = rows.map((row) => element("tr", {}, ...row.map((text) => element("td", {}, ...marked(text)))));
  return element("div", { class: "scroll" }, element("table", {}, element("tbody", {}, ...cells)));
}

function properties(schema, schemas) {
  const whole = schema.$ref ? schemas[words(schema)] : schema;
  const needed = new Set(whole.required || []);
  return Object.entries(whole.properties || {}).map(([name, one]) => {
    const given = one.default !== undefined && one.default !== null ? `${JSON.stringify(one.default)} if not given` : "";
    const need = needed.has(name) ? "needed" : given;
    return [name, words(one), need, one.description || ""];
  });
}

function operation(path, method, about, schemas) {
  const part = [element("h2", {}, element("code", {}, `${method.toUpperCase()} ${path}`)), element("p", {}, ...marked(about.description || ""))];
  const parameters = (about.parameters || []).map(({ name, schema, required, description }) => [
    name, words(schema), required ? "needed" : "", description || schema.description || "",
  ]);
  if (parameters.length) part.push(table(parameters));
  for (const [kind, { schema }] of Object.entries(about.requestBody?.content || {}))
    part.push(element("p", { class: "quiet" }, kind), table(properties(schema, schemas)));
  const answer = about.responses?.[200]?.content?.["application/json"]?.schema;
  if (answer?.$ref) part.push(element("p", { class: "quiet" }, "answers"), table(properties(answer, schemas).map(([name, kind, , about]) => [name, kind, about])));
  return element("section", { class: "panel operation" }, ...part);
}

async function start() {
  const here = location.origin;
  $("curl").textContent = [
    `curl -F image=@photo.jpg -H 'Accept: image/png' ${here}/api/unmask -o unmasked.png`,
    `curl -F image=@photo.jpg -F map=@map.png -F preset=fidelity ${here}/api/unmask`,
  ].join("\n");
  $("python").textContent = [
    "import base64, httpx",
    "",
    'with open("photo.jpg", "rb") as file:',
    `    answer = httpx.post("${here}/api/unmask", files={"image": file}, timeout=60).json()`,
    'for face in answer["faces"]:',
    '    print(face["status"], face["score"], face["left"], face["top"])',
    'png = base64.b64decode(answer["image"].partition(",")[2])',
  ].join("\n");
  try {
    const { paths, components } = await ask("/openapi.json");
    const found = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, about]) => operation(path, method, about, components.schemas)),
    );
    $("operations").replaceChildren(...found);
  } catch (error) {
    $("status").textContent = error.message;
    $("status").classList.add("wrong");
  }
}

start();

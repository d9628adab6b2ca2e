// The OpenAPI document as a page.

const make = (tag, text) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  return element;
};

function resolve(schema, all) {
  const name = schema?.$ref?.split("/").pop();
  return name ? all[name] : schema ?? {};
}

function kind(schema, all) {
  const found = resolve(schema, all);
  const parts = found.anyOf ?? [found];
  return parts
    .map((part) => part.enum?.join(", ") ?? part.const ?? (part.contentMediaType ? "file" : part.type) ?? "")
    .filter((word) => word && word !== "null")
    .join(" or ");
}

function table(rows) {
  const element = make("table");
  const head = element.createTHead().insertRow();
  for (const word of ["name", "value", "meaning"]) {
    const cell = make("th", word);
    cell.scope = "col";
    head.append(cell);
  }
  const body = element.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const word of row) line.insertCell().textContent = word;
  }
  return element;
}

function route(method, path, about, all) {
  const section = make("section");
  section.className = "card";
  section.append(make("h2", `${method.toUpperCase()} ${path}`), make("p", about.summary ?? ""));
  const rows = (about.parameters ?? []).map((one) => [one.name, kind(one.schema, all), one.description ?? ""]);
  for (const content of Object.values(about.requestBody?.content ?? {})) {
    for (const [name, field] of Object.entries(resolve(content.schema, all).properties ?? {})) {
      const preset = field.default === undefined || field.default === null ? "" : ` Default: ${field.default}.`;
      rows.push([name, kind(field, all), (field.description ?? "") + preset]);
    }
  }
  if (rows.length) section.append(table(rows));
  return section;
}

document.getElementById("here").textContent = new URL("./", location.href).href;
const api = await (await fetch("openapi.json")).json();
const all = api.components?.schemas ?? {};
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, about] of Object.entries(methods)) {
    document.getElementById("routes").append(route(method, path, about, all));
  }
}

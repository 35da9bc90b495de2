// Renders /openapi.json. Everything goes in as text, never as markup, so a description cannot run anything.
"use strict";

const METHODS = ["get", "post", "put", "delete"];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function resolve(api, value) {
  if (!value || !value.$ref) return value;
  return value.$ref.slice(2).split("/").reduce((at, key) => at && at[key.replace(/~1/g, "/").replace(/~0/g, "~")], api);
}

// An example-like outline of a schema; stops at repetition, because schemas may contain themselves.
function outline(api, schema, seen = []) {
  if (!schema || schema === true) return "any";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return seen.includes(name) ? name : outline(api, resolve(api, schema), [...seen, name]);
  }
  if (schema.example !== undefined) return schema.example;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum.join(" | ");
  const variants = schema.oneOf || schema.anyOf;
  if (variants) {
    const some = variants.filter((variant) => variant.type !== "null");
    return some.length === 1 ? outline(api, some[0], seen) : some.map((variant) => outline(api, variant, seen));
  }
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => outline(api, part, seen)));
  if (schema.properties) {
    const required = schema.required || [];
    return Object.fromEntries(Object.entries(schema.properties)
      .map(([name, part]) => [required.includes(name) ? name : name + "?", outline(api, part, seen)]));
  }
  if (schema.items) return [outline(api, schema.items, seen)];
  if (schema.additionalProperties) return { "*": outline(api, schema.additionalProperties, seen) };
  return [].concat(schema.type || "any").filter((type) => type !== "null").join(" | ") + (schema.format ? ` (${schema.format})` : "");
}

function bodyOf(api, content) {
  return Object.entries(content || {}).map(([type, media]) =>
    element("pre", {}, `${type}\n${JSON.stringify(outline(api, media.schema), null, 2)}`));
}

function parameters(api, list) {
  const rows = list.map((parameter) => resolve(api, parameter)).filter(Boolean).map((parameter) => element("tr", {},
    element("th", { scope: "row" }, element("code", {}, parameter.name)),
    element("td", {}, parameter.in + (parameter.required ? ", required" : "")),
    element("td", {}, String(outline(api, parameter.schema))),
    element("td", {}, parameter.description || "")));
  return rows.length ? [element("h4", {}, "Parameters"), element("table", {}, ...rows)] : [];
}

function responses(api, all) {
  return Object.entries(all || {}).sort().map(([status, response]) => {
    const resolved = resolve(api, response) || {};
    const isProblem = Number(status) >= 400;
    return element("tr", {},
      element("th", { scope: "row" }, status),
      element("td", {}, resolved.description || "", ...(isProblem ? [] : bodyOf(api, resolved.content))));
  });
}

function operation(api, path, method, item) {
  const details = item[method];
  const text = details.summary || (details.description || "").split("\n")[0];
  const request = resolve(api, details.requestBody);
  return element("details", { "data-text": `${method} ${path} ${text}`.toLowerCase() },
    element("summary", {},
      element("span", { class: `method ${method}` }, method.toUpperCase()),
      element("span", { class: "path" }, path),
      element("span", {}, text),
      element("span", { class: "note" }, details.security ? "signed in" : "public")),
    element("div", {},
      ...(details.description && details.description !== text ? [element("p", {}, details.description)] : []),
      ...parameters(api, [...(item.parameters || []), ...(details.parameters || [])]),
      ...(request ? [element("h4", {}, "Body"), ...bodyOf(api, request.content)] : []),
      element("h4", {}, "Replies"),
      element("table", {}, ...responses(api, details.responses))));
}

function render(api) {
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths).sort(([one], [other]) => one.localeCompare(other))) {
    for (const method of METHODS.filter((name) => item[name])) {
      const tag = (item[method].tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(api, path, method, item));
    }
  }
  const sections = [...groups].map(([tag, operations]) => element("section", {}, element("h2", {}, tag), ...operations));
  document.getElementById("operations").replaceChildren(...sections);
}

document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const shown of document.querySelectorAll("details[data-text]")) {
    shown.hidden = !shown.dataset.text.includes(wanted);
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector("details:not([hidden])");
  }
});

fetch("/openapi.json")
  .then((reply) => (reply.ok ? reply.json() : Promise.reject(new Error(`the gateway answered ${reply.status}`))))
  .then(render)
  .catch((error) => {
    document.getElementById("operations").replaceChildren(element("p", {}, `The document could not be loaded: ${error.message}`));
  });

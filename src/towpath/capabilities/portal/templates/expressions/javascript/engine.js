// The door between Python and the template engine of Backstage: JSON in, JSON out.
// `nunjitsu`, `yaml` and `jsonschema` are loaded after the first part, the last two when needed.
"use strict";

// What the libraries expect of Node.
globalThis.Buffer = {
  byteLength(text) {
    let bytes = 0;
    for (const character of text) {
      const code = character.codePointAt(0);
      bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    }
    return bytes;
  },
};

// Addresses of schemas: `#/definitions/name` below a document without an address of its own.
globalThis.URL = class {
  constructor(to, from) {
    const parts = /^([a-z][a-z0-9+.-]*:)?(\/\/[^/?#]*)?([^?#]*)(\?[^#]*)?(#.*)?$/is;
    const [, protocol, host, path, search, hash] = parts.exec(String(to));
    const base = protocol === undefined && from !== undefined ? new URL(String(from)) : undefined;
    this.protocol = protocol ?? base?.protocol ?? "resolve:";
    this.host = host ?? base?.host ?? "";
    this.pathname = path;
    this.search = search ?? (path === "" ? base?.search : undefined) ?? "";
    this.hash = hash ?? "";
    if (base !== undefined && path === "") this.pathname = base.pathname;
    else if (base !== undefined && !path.startsWith("/")) {
      this.pathname = `${base.pathname.slice(0, base.pathname.lastIndexOf("/") + 1) || "/"}${path}`;
    }
  }
  toString() {
    return this.protocol + this.host + this.pathname + this.search + this.hash;
  }
};

// The filter `random`: a step that is rendered again, to be undone, must get what it got.
let seed = 1;
function seeded(text) {
  seed = 2166136261;
  for (let index = 0; index < text.length; index += 1) {
    seed = Math.imul(seed ^ text.charCodeAt(index), 16777619) >>> 0;
  }
}
globalThis.towpathRandom = (most) => {
  seed = (seed + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) % most;
};

// The filters of Backstage itself.
function decoded(text) {
  return decodeURIComponent(text.replace(/\+/g, " "));
}

function repositoryUrl(text) {
  if (typeof text !== "string") throw new TypeError("a repository URL is a text");
  if (text.includes("://")) {
    throw new TypeError(`"${text}" is no repository URL: it begins with the host, without https://`);
  }
  const [address, query = ""] = text.split("#")[0].split(/\?(.*)/s);
  const host = address.split("/")[0].toLowerCase();
  if (!host || /[\s<>^`{|}]/.test(host)) {
    throw new TypeError(`"${text}" is no repository URL: <host>?owner=<owner>&repo=<name>`);
  }
  const given = {};
  for (const pair of query.split("&")) {
    const [name, value = ""] = pair.split(/=(.*)/s).map(decoded);
    if (!(name in given)) given[name] = value.replace(/^\/+|\/+$/g, "");
  }
  for (const name of needed(host, given)) {
    if (!given[name]) throw new TypeError(`"${text}" has no ${name}: add it as ?${name}=`);
  }
  const parts = { host };
  for (const name of ["owner", "repo", "organization", "workspace", "project"]) {
    if (given[name] !== undefined) parts[name] = given[name];
  }
  return parts;
}

function needed(host, given) {
  if (/(^|\.)bitbucket\.org$/.test(host)) return ["workspace", "project", "repo"];
  if (/(^|\.)(dev\.azure|visualstudio)\.com$/.test(host)) return ["project", "repo"];
  if (/gitlab/.test(host)) return given.project ? [] : ["owner", "repo"];
  if (/gerrit/.test(host)) return ["repo"];
  return ["owner", "repo"];
}

function entityRef(reference, context) {
  if (!reference) throw new TypeError("an entity reference must not be empty");
  const parts = typeof reference === "string" ? splitReference(reference) : reference;
  const found = {
    kind: parts.kind ?? context?.defaultKind,
    namespace: parts.namespace ?? (context?.defaultNamespace || "default"),
    name: parts.name,
  };
  for (const part of ["kind", "namespace", "name"]) {
    if (!found[part]) throw new TypeError(`the entity reference ${JSON.stringify(reference)} has no ${part}`);
  }
  return found;
}

function splitReference(text) {
  const slash = text.indexOf("/");
  let colon = text.indexOf(":");
  if (slash !== -1 && slash < colon) colon = -1;
  const parts = {
    kind: colon === -1 ? undefined : text.slice(0, colon),
    namespace: slash === -1 ? undefined : text.slice(colon + 1, slash),
    name: text.slice(Math.max(colon, slash) + 1),
  };
  if (Object.values(parts).includes("")) {
    throw new TypeError(`"${text}" is not of the form [<kind>:][<namespace>/]<name>`);
  }
  return parts;
}

function pick(value, path) {
  if (typeof path === "string" && value != null && Object.hasOwn(Object(value), path)) return value[path];
  const keys = Array.isArray(path) ? path : String(path).split(/[.[\]]+/).filter((key) => key !== "");
  let found = value;
  for (const key of keys) {
    if (found === null || found === undefined || !Object.hasOwn(Object(found), key)) return undefined;
    found = found[key];
  }
  return found;
}

const filters = {
  parseRepoUrl: repositoryUrl,
  parseEntityRef: entityRef,
  pick,
  projectSlug(text) {
    const { owner, repo } = repositoryUrl(text);
    return `${owner}/${repo}`;
  },
};

// What `if` may ask after a step has failed; asking it is what lets a step run then.
const state = { failed: false, asked: false };
const globals = {
  always() {
    state.asked = true;
    return true;
  },
  failure() {
    state.asked = true;
    return state.failed;
  },
};

const renderers = new Map();
function rendererOf(options) {
  let renderer = renderers.get(options);
  if (renderer === undefined) {
    const { steps, ...given } = JSON.parse(options);
    renderer = nunjitsu.createTemplateRenderer({
      allowRegexExecution: true,
      filters,
      ...(steps ? { globals } : {}),
      ...given,
    });
    renderers.set(options, renderer);
  }
  return renderer;
}

function answer(make) {
  try {
    return JSON.stringify(make());
  } catch (error) {
    if (error instanceof Error && error.name === "InternalError") throw error;
    return JSON.stringify({ error: String(error?.message ?? error) });
  }
}

globalThis.renderTexts = (options, sources, given) =>
  answer(() => {
    const renderer = rendererOf(options);
    const context = renderer.prepareContext(JSON.parse(given));
    return {
      texts: JSON.parse(sources).map((source) => {
        seeded(source);
        try {
          return { text: renderer.render(source, context) };
        } catch (error) {
          if (error.name === "InternalError") throw error;
          return { error: String(error.message) };
        }
      }),
    };
  });

// Whether an `if` lets its step run. Decided here: in JSON, infinity would be null.
function holds(value) {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

globalThis.renderInput = (input, given, failed) =>
  answer(() => {
    const renderer = rendererOf('{"steps":true}');
    const values = JSON.parse(given);
    const context = renderer.prepareContext(values);
    const left = [];
    state.failed = failed;
    state.asked = false;
    const value = JSON.parse(input, (key, part) => {
      if (typeof part !== "string") return part;
      seeded(`${values.context?.task?.id}/${part}`);
      try {
        return renderer.renderValue(part, context);
      } catch (error) {
        if (error.name === "InternalError") throw error;
        left.push([part, String(error.message)]);
        return part;
      }
    });
    return { value, left, asked: state.asked, holds: holds(value) };
  });

globalThis.indented = (value) => answer(() => ({ text: JSON.stringify(JSON.parse(value), null, 2) }));

globalThis.writeYaml = (value) => answer(() => ({ text: yaml.stringify(JSON.parse(value)) }));

globalThis.schemaErrors = (schema, value) =>
  answer(() => {
    const { errors } = jsonschema.validate(JSON.parse(value), JSON.parse(schema));
    return {
      errors: errors.map((error) => ({
        path: error.path,
        property: error.property,
        message: error.message,
        schema: error.schema,
        instance: error.instance,
        name: error.name,
        argument: error.argument,
        stack: error.stack,
      })),
    };
  });

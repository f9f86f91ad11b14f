// Judges Kubernetes objects, a JSON list on stdin, by the schemas of the API and of the Prometheus Operator that
// deploy/setup.sh --tests keeps (argv[2]). Prints a line a fault: a wrong type or value, a missing field, an unknown one.
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { pathToFileURL } from "node:url";

// The schemas are compiled to functions. What they want of a library with a long tail of its own: six formats, the
// length of a text, and a regular expression.
const library = `
  const within = (least, most) => ({ validate: (value) => Number.isInteger(value) && value >= least && value <= most });
  export const formats = {
    byte: { validate: (text) => /^[A-Za-z0-9+/]*={0,2}$/.test(text) },
    "date-time": { validate: (text) => !Number.isNaN(Date.parse(text)) },
    double: { validate: Number.isFinite },
    int32: within(-(2 ** 31), 2 ** 31 - 1),
    int64: within(-(2 ** 63), 2 ** 63),
    quantity: { validate: /^[+-]?[0-9.]+([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/ },
  };
  export default function (text, flags) { return flags === undefined ? [...text].length : new RegExp(text, flags); }`;
const module = JSON.stringify("data:text/javascript," + encodeURIComponent(library));
register("data:text/javascript," + encodeURIComponent(`export const resolve = (name, context, next) =>
  name.startsWith("@kubernetes-models/validate") ? { url: ${module}, shortCircuit: true } : next(name, context);`));

const models = process.argv[2] + "/node_modules";

async function validator({ apiVersion, kind }) {
  const home = apiVersion.startsWith("monitoring.coreos.com/") ? "@kubernetes-models/prometheus-operator" : "kubernetes-models";
  const source = readFileSync(`${models}/${home}/${apiVersion}/${kind}.js`, "utf8");
  const schema = source.match(/_schemas\/\w+\.js/)[0];
  return (await import(pathToFileURL(`${models}/${home}/${schema}`))).validate;
}

// The schemas let unknown fields pass, but a validator looks at every field that it knows: what it never
// looked at is unknown.
function watched(value) {
  const seen = new Set();
  const children = new Map();
  const proxy = new Proxy(value, {
    get(target, key) {
      seen.add(key);
      const held = target[key];
      if (held === null || typeof held !== "object")
        return held;
      if (!children.has(key))
        children.set(key, watched(held));
      return children.get(key).proxy;
    },
  });
  function* unknown(path) {
    for (const key of Object.keys(value)) {
      if (!seen.has(key))
        yield `${path}/${key}: unknown field`;
      else if (children.has(key))
        yield* children.get(key).unknown(`${path}/${key}`);
    }
  }
  return { proxy, unknown };
}

for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const name = `${object.kind} ${object.metadata?.name}: `;
  const validate = await validator(object);
  const { proxy, unknown } = watched(object);
  if (!validate(proxy))
    for (const { instancePath, keyword, params } of validate.errors)
      console.log(`${name}${instancePath}: ${keyword} ${JSON.stringify(params)}`);
  for (const fault of unknown(""))
    console.log(name + fault);
}

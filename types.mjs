// Writes src/types.ts from the schema of the routes' messages:
//   python -m jupyter_oscar.server.schema | node types.mjs [--check]
import { readFile, writeFile } from 'node:fs/promises';
import process from 'node:process';

import { compile } from 'json-schema-to-typescript';
import prettier from 'prettier';

const FILE = 'src/types.ts';
const BANNER = `/*
 * Generated from jupyter_oscar/server by \`jlpm types:generate\`; edit the models
 * there. A check compares.
 */`;

/** Messages of the browser; in all others nothing is left out. */
const ASKED = [
  'Definition',
  'Deployment',
  'DeviceSignIn',
  'Input',
  'NewCluster',
  'NewMount',
  'SignIn'
];

/** Without the titles that pydantic gives to each property: each would become a type of its own. */
function untitled(schema, named = false) {
  if (Array.isArray(schema)) {
    return schema.map(one => untitled(one));
  }
  if (schema === null || typeof schema !== 'object') {
    return schema;
  }
  return Object.fromEntries(
    Object.entries(schema)
      .filter(
        ([key, value]) => key !== 'title' || named || typeof value !== 'string'
      )
      .map(([key, value]) => [
        key,
        untitled(value, key === 'properties' || key === 'definitions')
      ])
  );
}

async function text(stream) {
  const chunks = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

const schema = untitled(JSON.parse(await text(process.stdin)));
for (const [name, message] of Object.entries(schema.definitions)) {
  if (!ASKED.includes(name)) {
    message.required = Object.keys(message.properties);
  }
  for (const property of Object.values(message.properties)) {
    if (!['type', 'anyOf', '$ref'].some(key => key in property)) {
      property.tsType = 'unknown';
    }
  }
}
const options = await prettier.resolveConfig(FILE);
const compiled = await compile(schema, 'Messages', {
  additionalProperties: false,
  bannerComment: BANNER,
  style: options ?? {},
  unreachableDefinitions: true
});
// The whole has no messages of its own, and each message is named once.
const made = await prettier.format(
  compiled
    .replace(/export interface Messages \{\}\n/, '')
    .replace(/ \*\n \* This interface was referenced by .*\n.*\n/g, '')
    .replace(/\n(\/\*\*\n)/g, '\n\n$1')
    .replace(/``/g, '`'),
  { ...options, filepath: FILE }
);

if (process.argv.includes('--check')) {
  if ((await readFile(FILE, 'utf8')) !== made) {
    console.error(
      `${FILE} is not what the server's messages say: jlpm types:generate`
    );
    process.exit(1);
  }
} else {
  await writeFile(FILE, made);
}

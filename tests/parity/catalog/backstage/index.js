// A Backstage backend of published packages alone, to record what it answers.
const { createBackend } = require('@backstage/backend-defaults');
const { dependencies } = require('./package.json');

const backend = createBackend();
for (const name of Object.keys(dependencies)) {
  if (name.startsWith('@backstage/plugin-')) backend.add(import(name));
}
backend.start();

import jupyterlab from '@jupyterlab/testutils/lib/jest-config.js';

const base = jupyterlab(import.meta.dirname ?? process.cwd());

/** What is published as modules, which jest does not read. */
const MODULES = [
  '@codemirror',
  '@jupyter',
  '@jupyterlab',
  '@microsoft',
  'exenv-es6',
  'lib0',
  'nanoid',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'y-websocket',
  'yjs'
].join('|');

export default {
  ...base,
  cacheDirectory: 'build/jest',
  collectCoverage: false,
  reporters: ['default'],
  roots: ['<rootDir>/tests/frontend'],
  testRegex: '/tests/frontend/.*\\.spec\\.tsx?$',
  transform: {
    '\\.svg$': base.transform['\\.svg$'],
    // tsc checks the types: here they are left out.
    '\\.[jt]sx?$': ['ts-jest', { tsconfig: 'tests/frontend/tsconfig.json' }]
  },
  transformIgnorePatterns: [`/node_modules/(?!(${MODULES})/)`]
};

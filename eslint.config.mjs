import js from '@eslint/js';
import jupyterPlugin from '@jupyter/eslint-plugin';
import prettierRecommended from 'eslint-plugin-prettier/recommended';
import { defineConfig } from 'eslint/config';
import globals from 'globals';
import tseslint from 'typescript-eslint';

/** A configuration with every rule that is on as an error. */
const asErrors = config => ({
  ...config,
  rules: Object.fromEntries(
    Object.entries(config.rules ?? {}).map(([name, setting]) => {
      const [severity, ...options] = [setting].flat();
      return [name, severity === 'off' ? 'off' : ['error', ...options]];
    })
  )
});

export default defineConfig([
  {
    ignores: [
      'node_modules',
      'build',
      'dist',
      'lib',
      'jupyter_oscar/labextension',
      '.venv*',
      '**/*.d.ts'
    ]
  },
  js.configs.recommended,
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: { globals: globals.node }
  },
  // These rules encode the review comments of JupyterLab's own team; most are
  // warnings in the recommended set, and a warning is read by nobody.
  { plugins: { jupyter: jupyterPlugin } },
  ...jupyterPlugin.configs.recommended.map(asErrors),
  {
    // Shipped as it stands to whatever page shows a widget.
    files: ['jupyter_oscar/notebook/**/*.js'],
    languageOptions: { globals: globals.browser },
    // A widget is not given the host's translations.
    rules: { 'jupyter/no-untranslated-string': 'off' }
  },
  {
    files: ['src/**/*.ts', 'src/**/*.tsx'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { project: 'tsconfig.json', sourceType: 'module' }
    },
    rules: {
      '@typescript-eslint/naming-convention': [
        'error',
        {
          selector: 'interface',
          format: ['PascalCase'],
          custom: { regex: '^I[A-Z]', match: true }
        }
      ],
      // Core's habit: options and helpers live in a namespace of the class's name.
      '@typescript-eslint/no-namespace': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { args: 'none' }],
      // Lumino's signals take a method and its object.
      '@typescript-eslint/unbound-method': 'off',
      // Numbers read well in a message.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true }
      ],
      curly: ['error', 'all'],
      eqeqeq: 'error',
      'prefer-arrow-callback': 'error'
    }
  },
  {
    files: ['tests/frontend/**/*.ts', 'tests/frontend/**/*.tsx'],
    extends: [tseslint.configs.recommended],
    languageOptions: { globals: { ...globals.browser, ...globals.jest } }
  },
  {
    // Generated: its interfaces are named as the server's models.
    files: ['src/types.ts'],
    rules: { '@typescript-eslint/naming-convention': 'off' }
  },
  prettierRecommended
]);

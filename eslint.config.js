import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { directions } from './scripts/eslint-directions.mjs';

/** Time and chance are parameters here: see common/src/time/clock.ts and random.ts. */
const CORE = [
  'protocol/src/**/*.ts',
  'common/src/{time,link,codec,concealment}/**/*.ts',
  'device/src/{playout,conversation,connection}/**/*.ts',
  'device/src/{uplink,downlink,daemon,phone}.ts',
  'server-stub/src/**/*.ts',
];
/** They make the clocks and the chance that the others are handed, or answer to the outside world. */
const NOT_CORE = ['common/src/time/{clock,random}.ts', 'server-stub/src/main.ts', 'server-stub/src/**/node-*.ts'];
const TESTS = ['**/test/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'];

const NO_DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name: a name that is the same everywhere can be searched for.',
};
const NO_PRIVATE_KEYWORD = {
  selector: ':matches(PropertyDefinition, MethodDefinition[kind!="constructor"])[accessibility]',
  message: 'Use #private; other members are public.',
};
const NO_BARE_DATE = {
  selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
  message: 'Time is a parameter: take it from the Clock.',
};

export default defineConfig(
  { ignores: ['dist/', 'out/', '.cache/', 'node_modules/'] },
  js.configs.recommended,
  {
    plugins: { bestday: { rules: { directions } } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'bestday/directions': 'error',
      'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT],
      'max-lines': ['error', { max: 450, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-param-reassign': 'error',
      // What guards lines against control characters has to name them.
      'no-control-regex': 'off',
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT, NO_PRIVATE_KEYWORD],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all' },
      ],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/only-throw-error': 'error',
      // A port's implementation may be asynchronous in form only.
      '@typescript-eslint/require-await': 'off',
      // Ports are handed on in parts; a method that needs its `this` has #private members, and fails at once without it.
      '@typescript-eslint/unbound-method': 'off',
      // Numbers, booleans and what may be missing read well in messages.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNullish: true },
      ],
    },
  },
  { files: ['**/src/**/*.ts'], ignores: ['**/main.ts'], rules: { 'no-console': 'error' } },
  {
    files: CORE,
    ignores: NOT_CORE,
    rules: {
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'setImmediate', 'performance'].map((name) => ({
          name,
          message: 'Time is a parameter: use the Clock.',
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Time is a parameter: use the Clock.' },
        { object: 'Math', property: 'random', message: 'Chance is a parameter: use the Random that was handed in.' },
      ],
      'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT, NO_PRIVATE_KEYWORD, NO_BARE_DATE],
    },
  },
  {
    files: TESTS,
    rules: {
      // A describe block is a table of contents, not a function.
      'max-lines-per-function': 'off',
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
      // What JSON.parse and fast-check hand over is looked at by the assertions.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs', '*.js'],
    languageOptions: {
      globals: {
        console: 'readonly',
        process: 'readonly',
        performance: 'readonly',
        require: 'readonly',
        module: 'writable',
        URL: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
      },
    },
  },
  // A configuration, and another's module described, export what they must.
  { files: ['eslint.config.js', '**/*.d.ts'], rules: { 'no-restricted-syntax': 'off' } },
);

// Preloaded with NODE_OPTIONS=--require: the packages named in BESTDAY_TEST_WITHOUT cannot be loaded, by name or by path.
const Module = require('node:module');

const missing = (process.env.BESTDAY_TEST_WITHOUT ?? '').split(',').filter(Boolean);
const resolveFilename = Module._resolveFilename;

Module._resolveFilename = function resolve(request, ...rest) {
  const name = missing.find(
    (part) => request === part || request.startsWith(`${part}/`) || request.includes(`/node_modules/${part}/`),
  );
  if (name !== undefined)
    throw Object.assign(new Error(`Cannot find module '${request}'`), { code: 'MODULE_NOT_FOUND' });
  return resolveFilename.call(this, request, ...rest);
};

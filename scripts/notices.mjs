// @ts-check
/**
 * What we ship of others: the texts of their licences, which MIT, BSD and ISC want kept, and a bill of materials
 * (CycloneDX 1.6). Made from what esbuild put into the bundles, so that neither can forget a package.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(fileURLToPath(import.meta.url), '../..');
/** In dist/ and in the Debian package. */
export const NOTICES_FILE = 'THIRD-PARTY-NOTICES.txt';
export const SBOM_FILE = 'sbom.cdx.json';

/**
 * @typedef {object} Part
 * @property {string} name
 * @property {string} version
 * @property {string} licence SPDX
 * @property {string} text of its licence and notices
 * @property {string} purl https://github.com/package-url/purl-spec
 * @property {string | undefined} [sha512] of what npm fetched, hexadecimal
 */

/**
 * @param {Iterable<string>} inputs of bundles, from the root: esbuild's
 * @returns {Part[]} the npm packages among them, sorted
 */
export function npmParts(inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (folder !== undefined) folders.add(folder);
  }
  return sorted([...folders].map((folder) => npmPart(join(ROOT, folder))));
}

/**
 * @param {string} folder of an npm package
 * @param {string[]} [more] files of licences beside its own
 * @returns {Part}
 */
export function npmPart(folder, more = []) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const own = readdirSync(folder)
    .filter((file) => LICENCE_FILE.test(file))
    .sort()
    .map((file) => join(folder, file));
  const texts = [...own, ...more.filter((file) => existsSync(file))].map((file) => readFileSync(file, 'utf8').trim());
  if (own.length === 0) texts.unshift(textWithoutFile(name, license, author));
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return { name, version, licence: license, text: texts.join('\n\n'), purl, sha512: lockedHash(folder) };
}

const LICENCE_FILE = /^(licen[cs]e|copying|notice|third.?party|copyright)/i;

/**
 * Some name MIT and enclose no text: it is the same for all.
 * @param {string} name
 * @param {string} licence
 * @param {string | { name?: string } | undefined} author
 */
function textWithoutFile(name, licence, author) {
  if (licence !== 'MIT')
    throw new Error(`${name} (${licence}) encloses no text of its licence: see whether it may be shipped`);
  const holder = (typeof author === 'string' ? author : author?.name) ?? `the authors of ${name}`;
  return `MIT License\n\nCopyright (c) ${holder}\n\n${MIT}`;
}

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`;

/** @param {string} folder */
function lockedHash(folder) {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const { integrity } = lock.packages[relative(ROOT, folder)] ?? {};
  return integrity?.startsWith('sha512-') ? Buffer.from(integrity.slice(7), 'base64').toString('hex') : undefined;
}

/** @param {readonly Part[]} parts */
export function noticesText(parts) {
  const head = 'The Best Day Phone holds software of others, unchanged, under these licences.\n';
  return [
    head,
    ...sorted(parts).map(({ name, version, licence, text }) => `${RULE}\n${name} ${version} (${licence})\n\n${text}\n`),
  ].join('\n');
}

const RULE = '='.repeat(80);

/**
 * The same parts give the same bytes: it carries neither a time nor a serial number.
 * @param {{ name: string, version: string }} product
 * @param {readonly Omit<Part, 'text'>[]} parts
 */
export function sbomText({ name, version }, parts) {
  const components = sorted(parts).map(({ name: each, version: of, licence, purl, sha512 }) => ({
    type: 'library',
    'bom-ref': purl,
    name: each,
    version: of,
    purl,
    ...(sha512 !== undefined && { hashes: [{ alg: 'SHA-512', content: sha512 }] }),
    ...(licence !== '' && {
      licenses: [/[ (]/.test(licence) ? { expression: licence } : { license: { id: licence } }],
    }),
  }));
  const component = { type: 'application', 'bom-ref': `${name}@${version}`, name, version };
  const dependencies = [{ ref: component['bom-ref'], dependsOn: components.map((each) => each['bom-ref']) }];
  const bom = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component },
    components,
    dependencies,
  };
  return `${JSON.stringify(bom, undefined, 2)}\n`;
}

/**
 * @template {{ name: string, version: string }} T
 * @param {readonly T[]} parts
 * @returns {T[]}
 */
function sorted(parts) {
  /** @param {T} part */
  const key = ({ name, version }) => `${name}@${version}`;
  return [...parts].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

// usage: node native/check-function-table.mjs PATH/onnxruntime_c_api.h
// Compares every index in src/Runtime/Native/OrtApi.cs, its number of parameters and the version it came with against
// ONNX Runtime's C header. Run it when functions are added to the table.
import { readFileSync } from 'node:fs';

const header = readFileSync(process.argv[2], 'utf8');
const table = readFileSync(new URL('../src/Runtime/Native/OrtApi.cs', import.meta.url), 'utf8');

// The members of `struct OrtApi { ... }` in order. Comments go, but `\since Version 1.N` of a member's comment stays.
const text = header
  .replace(/\/\*[\s\S]*?\*\//g, (comment) => { const since = /\\since Version 1\.(\d+)/i.exec(comment); return since ? `@${since[1]}@` : ''; })
  .replace(/\/\/.*$/gm, '')
  .replace(/^\s*#.*$/gm, '');
const start = text.indexOf('{', text.indexOf('struct OrtApi {')) + 1;
const members = [];
let depth = 0;
let member = '';
for (let i = start; depth >= 0; i++) {
  depth += { '(': 1, '{': 1, ')': -1, '}': -1 }[text[i]] ?? 0;
  if (text[i] === ';' && depth === 0) { members.push(member); member = ''; } else { member += text[i]; }
}

const functions = new Map(members.map((source, index) => {
  const since = Number(/@(\d+)@/.exec(source)?.[1] ?? 0);
  source = source.replace(/@\d+@/g, '').replace(/\s+/g, ' ').trim();
  const release = /^ORT_CLASS_RELEASE\((\w+)\)/.exec(source);
  if (release) return [`Release${release[1]}`, { index, since, parameters: 1 }];
  const [, name, list] =
    /^ORT_API2_STATUS\((\w+)(?:, (.*))?\)/.exec(source) ?? /^ORT_API_T\([^,]*, (\w+)(?:, (.*))?\)/.exec(source) ??
    /\(ORT_API_CALL ?\* ?(\w+)\) ?\(([^)]*(?:\([^)]*\)[^)]*)*)\)/.exec(source);
  const parameters = !list || list.trim() === 'void' ? 0 : list.replace(/\([^()]*\)/g, '').split(',').length;
  return [name, { index, since, parameters }];
}));

let errors = 0;
let count = 0;
const seen = new Set();
for (const [, index, signature, name, since] of table.matchAll(/\[FieldOffset\((\d+) \* P\)\] public delegate\* unmanaged<(.*)> (\w+);(?: \/\/ 1\.(\d+))?/g)) {
  const expected = functions.get(name);
  const inner = signature.replace(/delegate\* unmanaged<[^<>]*>/g, 'nint');
  const parameters = inner.split(',').length - 1;
  const problems = [];
  if (!expected) problems.push('is not in the header');
  else {
    if (expected.index !== Number(index)) problems.push(`has index ${expected.index}, not ${index}`);
    if (expected.parameters !== parameters) problems.push(`takes ${expected.parameters} parameters, not ${parameters}`);
    if (expected.since > 17 && expected.since !== Number(since)) problems.push(`came with 1.${expected.since}`);
  }
  if (seen.has(name)) problems.push('is listed twice');
  seen.add(name);
  for (const problem of problems) { console.error(`${name} ${problem}`); errors++; }
  count++;
}

console.log(`${count} of ${functions.size} functions in the table, ${errors} errors`);
process.exit(errors || count === 0 ? 1 : 0);

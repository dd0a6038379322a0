/** What differs between two values of JSON, field by field. */

/**
 * Paths as `items.0.quantity`; of lists, what stands the same at both ends is left out first, so that one more line in
 * front is one difference.
 *
 * @returns {{path: string, kind: "added" | "removed" | "changed", before?: any, after?: any}[]}
 */
export function differences(before, after) {
  const found = [];
  compare(before, after, "", found);
  return found;
}

function compare(before, after, path, found) {
  if (same(before, after)) return;
  if (Array.isArray(before) && Array.isArray(after)) compareLists(before, after, path, found);
  else if (isObject(before) && isObject(after)) compareObjects(before, after, path, found);
  else found.push({ path, kind: "changed", before, after });
}

function compareObjects(before, after, path, found) {
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const own = join(path, name);
    if (!Object.hasOwn(after, name)) found.push({ path: own, kind: "removed", before: before[name] });
    else if (!Object.hasOwn(before, name)) found.push({ path: own, kind: "added", after: after[name] });
    else compare(before[name], after[name], own, found);
  }
}

function compareLists(before, after, path, found) {
  const fewer = Math.min(before.length, after.length);
  let start = 0;
  while (start < fewer && same(before[start], after[start])) start += 1;
  let end = 0;
  while (end < fewer - start && same(before.at(-1 - end), after.at(-1 - end))) end += 1;
  const both = fewer - end;
  for (let index = start; index < both; index += 1) compare(before[index], after[index], join(path, index), found);
  for (let index = both; index < before.length - end; index += 1) found.push({ path: join(path, index), kind: "removed", before: before[index] });
  for (let index = both; index < after.length - end; index += 1) found.push({ path: join(path, index), kind: "added", after: after[index] });
}

function same(one, other) {
  if (one === other) return true;
  if (Array.isArray(one)) return Array.isArray(other) && one.length === other.length && one.every((each, index) => same(each, other[index]));
  if (!isObject(one) || !isObject(other)) return false;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => Object.hasOwn(other, name) && same(one[name], other[name]));
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const join = (path, name) => (path === "" ? String(name) : `${path}.${name}`);

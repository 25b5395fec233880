// What `nunjitsu` takes from Node: there are no proxies here, and chance is the run's own, for what
// a run renders must be the same twice.
export const types = {
  isProxy: () => false,
  isMap: (value) => value instanceof Map,
  isSet: (value) => value instanceof Set,
  isNativeError: (value) => value instanceof Error,
};
export const randomInt = (most) => globalThis.towpathRandom(most);

// A browser keeps at most six connections to one host, for all its tabs together. What stays open
// takes one of a few places, so that pages can always be fetched, however many tabs there are.

const PLACES = { live: 3, log: 2 };
const ASK_AGAIN_MS = 3000;

// A place to keep a connection open in: a function that gives it back, or null when all are taken.
// A tab that is closed, or crashes, gives its places back by itself.
export async function place(sort) {
  if (!navigator.locks) return () => {};
  for (let number = 0; number < PLACES[sort]; number += 1) {
    const given = await take(`towpath-${sort}-${number}`);
    if (given) return given;
  }
  return null;
}

function take(name) {
  return new Promise((answer) => {
    navigator.locks
      .request(name, { ifAvailable: true }, (lock) => lock ? new Promise((giveBack) => answer(giveBack)) : answer(null))
      .catch(() => answer(() => {}));
  });
}

// The same, waiting until there is one; null when the signal says that nobody waits any more.
export async function placeInTime(sort, signal) {
  while (!signal.aborted) {
    const given = await place(sort);
    if (given && !signal.aborted) return given;
    given?.();
    await new Promise((go) => setTimeout(go, ASK_AGAIN_MS));
  }
  return null;
}

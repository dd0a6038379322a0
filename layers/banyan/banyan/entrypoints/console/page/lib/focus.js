/** Where the keyboard continues once what it used is gone. */
import { useEffect } from "./preact.js";

/** Give the screen's title the focus. */
export const focusTitle = () => document.querySelector("main h1")?.focus({ preventScroll: true });

/** Give an element the focus when something else had it that is no longer there. */
export function useFocus(element, deps) {
  useEffect(() => {
    if (document.activeElement === document.body) element.current?.focus({ preventScroll: true });
  }, deps);
}

/** Where the keyboard continues once what it used is gone. */
import { useEffect } from "./preact.js";

/** Give an element the focus when something else had it that is no longer there. */
export function useFocus(element, deps) {
  useEffect(() => {
    if (document.activeElement === document.body) element.current?.focus({ preventScroll: true });
  }, deps);
}

/** Light or dark: the system's choice, or the reader's, in this browser. */

const KEY = "banyan.theme";
const NEXT = { system: "light", light: "dark", dark: "system" };

/** `system`, `light` or `dark`. */
export const theme = () => localStorage.getItem(KEY) ?? "system";

/** Show what was chosen. */
export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}

/** Choose the next one, and return it. */
export function nextTheme() {
  localStorage.setItem(KEY, NEXT[theme()]);
  applyTheme();
  changed();
  return theme();
}

/** Let that be drawn again which has colours of its own, such as a canvas. */
const changed = () => dispatchEvent(new Event("banyan-theme"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);

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
  dispatchEvent(new Event("banyan-theme"));
  return theme();
}

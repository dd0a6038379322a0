/** A table that scrolls on its own where it is wider than the page. */
import { html } from "../lib/preact.js";

/**
 * @param {{caption: string, columns: {title: any, cell: (row: any) => any, numeric?: boolean, wide?: boolean}[], rows: any[], rowKey: (row: any) => any, empty?: any}} given
 * `empty` stands in place of a table without rows.
 */
export function Table({ caption, columns, rows, rowKey, empty }) {
  if (rows.length === 0 && empty) return empty;
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label=${caption}>
      <table>
        <caption class="unseen">${caption}</caption>
        <thead><tr>${columns.map((each) => html`<th scope="col" class=${kind(each)}>${each.title}</th>`)}</tr></thead>
        <tbody>
          ${rows.map((row) => html`<tr key=${rowKey(row)}>${columns.map((each) => html`<td class=${kind(each)}>${each.cell(row)}</td>`)}</tr>`)}
        </tbody>
      </table>
    </div>
  `;
}

const kind = ({ numeric, wide }) => [numeric && "numeric", wide && "wide"].filter(Boolean).join(" ") || undefined;

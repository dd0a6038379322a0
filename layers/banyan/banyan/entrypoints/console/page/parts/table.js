/** A table that scrolls on its own where it is wider than the page. */
import { Fragment, html } from "../lib/preact.js";

/**
 * @param {{caption: string, columns: {title: any, cell: (row: any) => any, numeric?: boolean, wide?: boolean}[], rows: any[], rowKey: (row: any) => any, empty?: any, detail?: (row: any) => any}} given
 * `empty` stands in place of a table without rows, `detail` below a row, unless it is false.
 */
export function Table({ caption, columns, rows, rowKey, empty, detail }) {
  if (rows.length === 0 && empty) return empty;
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label=${caption}>
      <table>
        <caption class="unseen">${caption}</caption>
        <thead><tr>${columns.map((each) => html`<th scope="col" class=${kind(each)}>${each.title}</th>`)}</tr></thead>
        <tbody>
          ${rows.map((row) => html`<${Row} key=${rowKey(row)} columns=${columns} row=${row} below=${detail?.(row)} />`)}
        </tbody>
      </table>
    </div>
  `;
}

function Row({ columns, row, below }) {
  return html`
    <${Fragment}>
      <tr>${columns.map((each) => html`<td class=${kind(each)}>${each.cell(row)}</td>`)}</tr>
      ${below && html`<tr class="below"><td colspan=${columns.length}><div>${below}</div></td></tr>`}
    <//>
  `;
}

const kind = ({ numeric, wide }) => [numeric && "numeric", wide && "wide"].filter(Boolean).join(" ") || undefined;

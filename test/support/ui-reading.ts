import type { Locator, Page } from 'playwright-core';

/** A panel by its title. */
export function panelOf(page: Page, title: string | RegExp): Locator {
  return page.locator('section').filter({ has: page.getByRole('heading', { level: 2, name: title, exact: true }) });
}

/** The number of a name in a list of them. */
export function statOf(panel: Locator, name: string): Locator {
  return panel.locator('dl > div').filter({ has: panel.page().locator('dt').getByText(name, { exact: true }) });
}

export async function statText(panel: Locator, name: string): Promise<string> {
  return statOf(panel, name).locator('dd').first().innerText();
}

/** The rows of a table as texts, without its head. */
export async function rowsOf(panel: Locator, label: string): Promise<string[][]> {
  const rows = panel.getByRole('region', { name: label, exact: true }).locator('tbody tr');
  const texts: string[][] = [];
  for (const row of await rows.all()) texts.push(await row.locator('td').allInnerTexts());
  return texts;
}

/** What the legend of a chart says now: the start of the bucket, and the values by their names. */
export async function legendOf(chart: Locator): Promise<{ readonly at: string; readonly values: string[] }> {
  const legend = chart.locator('xpath=following-sibling::p');
  const at = (await legend.getAttribute('data-at')) ?? '';
  return { at, values: await legend.locator('b').allInnerTexts() };
}

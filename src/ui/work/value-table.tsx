/** Keys and values of a stranger; text that goes over lines keeps them. */
export function ValueTable({
  label,
  values,
  empty,
}: {
  readonly label: string;
  readonly values: Readonly<Record<string, string>>;
  readonly empty: string;
}) {
  const entries = Object.entries(values);
  if (entries.length === 0) return <p className="text-sm text-soft">{empty}</p>;
  return (
    <table aria-label={label} className="w-full table-fixed text-sm">
      <colgroup>
        <col className="w-32 sm:w-44" />
        <col />
      </colgroup>
      <thead className="sr-only">
        <tr>
          <th scope="col">Key</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {entries.map(([key, value]) => (
          <tr key={key} className="border-b border-line align-top last:border-0">
            <th scope="row" className="foreign py-1 pe-3 font-normal text-soft">
              {key}
            </th>
            <td className="foreign py-1 whitespace-pre-wrap">
              {value === '' ? <i className="text-soft">empty</i> : value}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

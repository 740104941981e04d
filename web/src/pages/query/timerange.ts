// A span of time for the whole query, beside what its text says.

export interface Range {
  span: string;
  title: string;
}

export const RANGES: Range[] = [
  { span: "", title: "Time as in the query" },
  { span: "1h", title: "Last hour" },
  { span: "4h", title: "Last 4 hours" },
  { span: "1d", title: "Last 24 hours" },
  { span: "3d", title: "Last 3 days" },
  { span: "7d", title: "Last 7 days" },
  { span: "14d", title: "Last 14 days" },
  { span: "30d", title: "Last 30 days" },
];

/** The query with the range set on it, on its first line, so that faults keep their places. */
export function ranged(text: string, span: string): string {
  if (!span) return text;
  return `set query_datetimescope_column="TimeGenerated";set query_datetimescope_from=ago(${span});${text}`;
}

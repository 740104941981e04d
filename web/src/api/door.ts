// Asks huntlake's APIs through the door: the session's cookie goes with each request by itself, its proof in a header.

/** One thing that is wrong with a query: where, counted from 1, and the piece of text that it is. */
export interface Fault {
  code: string;
  message: string;
  help: string;
  place?: { line: number; column: number; text: string };
}

/** What an API said no with. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** What is wrong with the query that was sent, the first of it first. */
    readonly faults: Fault[] = [],
  ) {
    super(message);
  }
}

/** What an error says, for people. */
export function why(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

let proof = "";
let signedOut: () => void = () => {};

/** The proof of the session that requests belong to from now on; what to do when there is none any more. */
export function belongTo(session: string, ended: () => void): void {
  proof = session;
  signedOut = ended;
}

let ahead = 0;

/** What time it is for the server, to the second: that counts, and not what this machine believes. */
export function now(): Date {
  return new Date(Date.now() + ahead);
}

export interface Asked {
  method?: string;
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

/** The answer of an API under `path`, such as `/v2/rest/query`. Throws `ApiError`. */
export async function ask(path: string, asked: Asked = {}): Promise<Response> {
  return send(`/app/api${path}`, asked);
}

/** The JSON that an API answers. */
export async function json<T>(path: string, asked: Asked = {}): Promise<T> {
  return (await (await ask(path, asked)).json()) as T;
}

/** What an API answers to a POST; undefined where it says nothing. */
export async function post<T>(path: string, body: unknown): Promise<T> {
  const text = await (await ask(path, { method: "POST", body })).text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export async function send(url: string, asked: Asked): Promise<Response> {
  const headers: Record<string, string> = { "x-huntlake-proof": proof, ...asked.headers };
  const init: RequestInit = { method: asked.method ?? "GET", headers, credentials: "same-origin" };
  if (asked.signal) init.signal = asked.signal;
  if (asked.body !== undefined) {
    headers["content-type"] ??= "application/json";
    init.body = headers["content-type"] === "application/json" ? JSON.stringify(asked.body) : (asked.body as BodyInit);
  }
  let answer: Response;
  try {
    answer = await fetch(url, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "Unreachable", "The server doesn't answer. Is it still running?");
  }
  const told = Date.parse(answer.headers.get("date") ?? "");
  if (told) ahead = told - Date.now();
  if (answer.ok) return answer;
  const problem = await problemOf(answer);
  if (answer.status === 401 && problem.code === "NotSignedIn") signedOut();
  throw problem;
}

async function problemOf(answer: Response): Promise<ApiError> {
  try {
    const { error } = (await answer.json()) as { error: KustoProblem };
    const inner = error.innererror;
    const detail = inner?.details?.[0] ?? inner;
    const message = detail?.message?.split("\n")[0] || error["@message"] || error.message || answer.statusText;
    const faults = (inner?.details ?? (inner ? [inner] : [])).map(faultOf);
    return new ApiError(answer.status, inner?.code ?? error.code ?? "Error", message, faults);
  } catch {
    return new ApiError(answer.status, "Error", `The server answered ${answer.status} ${answer.statusText}.`);
  }
}

function faultOf({ code, message, help, line, pos, token }: Detail): Fault {
  const said = { code: code ?? "", message: message?.split("\n")[0] ?? "", help: help ?? "" };
  return line && pos ? { ...said, place: { line, column: pos, text: token ?? "" } } : said;
}

interface Detail {
  code?: string;
  message?: string;
  help?: string;
  line?: number;
  pos?: number;
  token?: string;
}

interface KustoProblem extends Detail {
  "@message"?: string;
  innererror?: Detail & { details?: Detail[] };
}

// Questions to leadsman's own API. A question can be given up; the server then stops working on it.

/** Why there is no answer, in a sentence for people. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** The answer of `path` as JSON. Parameters that are null or "" are left out. */
export async function ask(path, params = {}, signal = undefined) {
  const response = await send(urlOf(path, params), signal);
  return await response.json();
}

/** The answer of `path` as text. */
export async function askText(path, signal = undefined) {
  const response = await send(path, signal);
  return await response.text();
}

/** The address of a question: also for links that download its answer. */
export function urlOf(path, params) {
  const known = Object.entries(params).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(known.map(([name, value]) => [name, String(value)]));
  return known.length ? `${path}?${query}` : path;
}

async function send(url, signal) {
  let response;
  try {
    response = await fetch(url, { signal, headers: { accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("leadsman does not answer. Is it still running? The page goes on when it is back.", 0);
  }
  if (!response.ok) throw new ApiError(await reason(response), response.status);
  return response;
}

async function reason(response) {
  const text = (await response.text()).trim();
  try {
    const { error } = JSON.parse(text);
    if (error) return error;
  } catch {
    // Not every answer is JSON: a proxy's is not.
  }
  return text.slice(0, 500) || `The answer was ${response.status} ${response.statusText}.`;
}

/** Whether an error only says that nobody waits for the answer any more. */
export function wasGivenUp(error) {
  return error?.name === "AbortError";
}

/** Errors as RFC 9457 problem documents, worded like those of the desk's API. */

/** Refusals of the procedures, by number: the answer's status, the name and what it means. */
export const REFUSALS: Record<string, { status: number; name: string; meaning: string }> = {
  TR201: { status: 404, name: "TOKEN_UNKNOWN", meaning: "no source has this token" },
  TR202: { status: 410, name: "TOKEN_REVOKED", meaning: "the source's token was revoked" },
  TR203: {
    status: 413,
    name: "BODY_TOO_LARGE",
    meaning: "the body is larger than an alert may be",
  },
  TR204: { status: 429, name: "RATE_LIMITED", meaning: "the source posts faster than it may" },
  TR250: {
    status: 403,
    name: "ADDRESS_NOT_ALLOWED",
    meaning: "the source may not post from this address",
  },
};

export function problem(status: number, code: string, title: string, name?: string): Response {
  const body = { type: `urn:desk:problem:${code}`, title, status, code };
  return new Response(JSON.stringify(name === undefined ? body : { ...body, name }), {
    status,
    headers: { "content-type": "application/problem+json" },
  });
}

/** Answer a refusal of the desk; one that this function does not know is refused all the same. */
export function refusal(code: string): Response {
  const known = REFUSALS[code];
  if (known === undefined) return problem(403, code, "the desk says no");
  return problem(known.status, code, known.meaning, known.name);
}

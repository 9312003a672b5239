/** The way to Postgres: one login that may call the intake's procedures and nothing else. */

import postgres from "postgres";

export const ROLE = "edge_intake";

/** What a function asks of the database. */
export type Json = postgres.JSONValue;

export interface Database {
  /** Call a procedure of one jsonb argument. Throws when the database does not answer. */
  call(procedure: Procedure, argument: Json): Promise<unknown>;
  /** Hint to workers that something waits; a lost hint costs them a second. */
  wake(agent: string): Promise<void>;
}

export type Procedure = "intake.accept_alerts" | "intake.token_normalization_facts";

/** Why a function refuses to start: its environment would let it do too much, or nothing. */
export class Misconfigured extends Error {}

export interface Environment {
  get(name: string): string | undefined;
}

/**
 * Reach the database that EDGE_DATABASE_URL names, as edge_intake only.
 *
 * A service key or the owner's URL in a function's environment would make every bug of the
 * function a hole in the desk; so such a URL is refused. Throws Misconfigured.
 */
export function openDatabase(environment: Environment, name: string): Database {
  const url = readUrl(environment);
  const sql = postgres(url.href, {
    // A pooler in transaction mode keeps no prepared statements between two calls.
    prepare: false,
    max: Number(environment.get("EDGE_DATABASE_SESSIONS") ?? "4"),
    connect_timeout: 2,
    idle_timeout: 30,
    max_lifetime: 600,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: `edge ${name}` },
    ssl: tlsOf(url, environment),
  });
  return {
    async call(procedure, argument) {
      const [row] = await sql`select ${sql(procedure)}(${sql.json(argument)}::jsonb) as answer`;
      return row?.["answer"];
    },
    async wake(agent) {
      await sql`select bus.wake(array[${agent}])`;
    },
  };
}

function readUrl(environment: Environment): URL {
  const given = environment.get("EDGE_DATABASE_URL");
  if (!given) throw new Misconfigured("EDGE_DATABASE_URL is not set");
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    throw new Misconfigured("EDGE_DATABASE_URL is no URL");
  }
  // Supabase's pooler wants the project behind the role's name: edge_intake.abcdefgh.
  const role = decodeURIComponent(url.username).split(".", 1)[0];
  if (role !== ROLE) throw new Misconfigured(`EDGE_DATABASE_URL must log in as ${ROLE}`);
  return url;
}

function tlsOf(url: URL, environment: Environment): NonNullable<postgres.Options<never>["ssl"]> {
  const authority = environment.get("EDGE_DATABASE_CA");
  if (authority) return { ca: authority, rejectUnauthorized: true };
  const loopback = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  return loopback ? false : "require";
}

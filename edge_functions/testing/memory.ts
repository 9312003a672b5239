/** A door for handlers' tests: it answers what it is told to, and keeps what it was asked. */

import type { Database, Json, Procedure } from "../_shared/database.ts";
import type { Door } from "../_shared/door.ts";

export type Asked = { procedure: Procedure; argument: Json };

export function doorOf(
  answers: (() => Promise<unknown>)[],
  environment: Record<string, string> = {},
): { door: Door; asked: Asked[]; woken: string[] } {
  const asked: Asked[] = [];
  const woken: string[] = [];
  const database: Database = {
    call(procedure, argument) {
      asked.push({ procedure, argument });
      return answers.shift()?.() ?? Promise.reject(new Error("nothing more was expected"));
    },
    wake(agent) {
      woken.push(agent);
      return Promise.resolve();
    },
  };
  const door: Door = {
    database,
    environment: { get: (name) => environment[name] },
    afterwards: () => {},
    answerMs: 200,
  };
  return { door, asked, woken };
}

export function lost(code: string): () => Promise<never> {
  return () => Promise.reject(Object.assign(new Error("the session was lost"), { code }));
}

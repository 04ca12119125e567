// Uses the client that @hey-api/openapi-ts generates, as a program would.
import { client } from "./generated/client.gen.js";
import { createUser, deleteUser, getUser, health, listUsers, patchUser, putUser, status } from "./generated/index.js";
import type { Health, Problem, User, UserInput, UserPage } from "./generated/index.js";
import { baseUrl, equal, some } from "./expect.js";

client.setConfig({ baseUrl });
const path = { id: "ana" };
const body: UserInput = { name: "Ana", email: "ana@example.org", attributes: { team: "blue" } };

// Create and replace
const created = await putUser({ path, body });
const user: User = some(created.data);
equal(201, some(created.response).status);
equal("Ana blue", `${user.name} ${user.attributes?.team}`);
const replaced = await putUser({ path, body: { ...body, name: "Ana Lima" } });
equal(200, some(replaced.response).status);
equal(user.createdAt, some(replaced.data).createdAt);

// Create with an id that the service makes
const made = await createUser({ body: { name: "Eve" } });
equal(`/users/${some(made.data).id}`, some(some(made.response).headers.get("Location")));
equal(204, some((await deleteUser({ path: { id: some(made.data).id } })).response).status);

// Read, with and without If-None-Match
const read = await getUser({ path });
equal(some(replaced.data).updatedAt, some(read.data).updatedAt);
const tag = some(some(read.response).headers.get("ETag"));
equal(304, some((await getUser({ path, headers: { "If-None-Match": tag } })).response).status);

// Patch one member; the others must not change
const patched = some((await patchUser({ path, body: { name: "Ana L." } })).data);
equal("Ana L. ana@example.org blue", `${patched.name} ${patched.email} ${patched.attributes?.team}`);
equal(412, some((await putUser({ path, body, headers: { "If-Match": tag } })).response).status);

// Read all pages
for (const id of ["bo", "cy", "di"]) {
  await putUser({ path: { id }, body: { name: id } });
}

const ids: string[] = [];
for (let after: string | null | undefined; after !== null; ) {
  const page: UserPage = some((await listUsers({ query: { limit: 2, after } })).data);
  ids.push(...page.items.map((each) => each.id));
  after = page.next;
}

equal("ana bo cy di", ids.join(" "));

// Find users
const blue: UserPage = some((await listUsers({ query: { attributes: { team: "blue" }, email: "ANA@example.org", count: true } })).data);
equal("ana 1", `${blue.items.map((each) => each.id).join(" ")} ${blue.total}`);

// Read the fields of an error
const problem: Problem = some((await putUser({ path, body: { name: " ", email: "nobody" } })).error);
equal("422 email name", `${problem.status} ${Object.keys(some(problem.errors)).sort().join(" ")}`);

// Delete
equal(204, some((await deleteUser({ path })).response).status);
equal("/problems/user-not-found", some((await getUser({ path })).error).type);

// Probes
const report: Health = some((await health()).data);
equal("Healthy ok", `${report.status} ${some((await status()).data).status}`);

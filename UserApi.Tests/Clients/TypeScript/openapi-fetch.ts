// Uses openapi-fetch and the types that openapi-typescript generates, as a program would.
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/users.js";
import { baseUrl, equal, some } from "./expect.js";

type Problem = components["schemas"]["Problem"];

const client = createClient<paths>({ baseUrl });
const path = { id: "ana" };
const body: components["schemas"]["UserInput"] = { name: "Ana", email: "ana@example.org", attributes: { team: "blue" } };

// Create and replace
const created = await client.PUT("/users/{id}", { params: { path }, body });
equal(201, created.response.status);
equal("Ana blue", `${some(created.data).name} ${some(created.data).attributes?.team}`);
const replaced = await client.PUT("/users/{id}", { params: { path }, body: { ...body, name: "Ana Lima" } });
equal(200, replaced.response.status);
equal(some(created.data).createdAt, some(replaced.data).createdAt);

// Create with an id that the service makes
const made = await client.POST("/users", { body: { name: "Eve" } });
equal(`/users/${some(made.data).id}`, some(made.response.headers.get("Location")));
equal(204, (await client.DELETE("/users/{id}", { params: { path: { id: some(made.data).id } } })).response.status);

// Read, with and without If-None-Match
const read = await client.GET("/users/{id}", { params: { path } });
equal(some(replaced.data).updatedAt, some(read.data).updatedAt);
const tag = some(read.response.headers.get("ETag"));
const known = await client.GET("/users/{id}", { params: { path, header: { "If-None-Match": tag } } });
equal(304, known.response.status);

// Patch one member; the others must not change
const patched = await client.PATCH("/users/{id}", {
  params: { path }, body: { name: "Ana L." }, headers: { "Content-Type": "application/merge-patch+json" },
});
equal("Ana L. ana@example.org blue", `${some(patched.data).name} ${some(patched.data).email} ${some(patched.data).attributes?.team}`);
const lost = await client.PUT("/users/{id}", { params: { path, header: { "If-Match": tag } }, body });
equal(412, lost.response.status);

// Read all pages
for (const id of ["bo", "cy", "di"]) {
  await client.PUT("/users/{id}", { params: { path: { id } }, body: { name: id } });
}

const ids: string[] = [];
for (let after: string | null | undefined; after !== null; ) {
  const page: components["schemas"]["UserPage"] = some((await client.GET("/users", { params: { query: { limit: 2, after } } })).data);
  ids.push(...page.items.map((user) => user.id));
  after = page.next;
}

equal("ana bo cy di", ids.join(" "));

// Find users
const blue = some((await client.GET("/users", { params: { query: { attributes: { team: "blue" }, email: "ANA@example.org", count: true } } })).data);
equal("ana 1", `${blue.items.map((user) => user.id).join(" ")} ${blue.total}`);

// Read the fields of an error
const invalid = await client.PUT("/users/{id}", { params: { path }, body: { name: " ", email: "nobody" } });
const problem: Problem = some(invalid.error);
equal("422 email name", `${problem.status} ${Object.keys(some(problem.errors)).sort().join(" ")}`);

// Delete
equal(204, (await client.DELETE("/users/{id}", { params: { path } })).response.status);
const gone = await client.GET("/users/{id}", { params: { path } });
equal("/problems/user-not-found", some(gone.error).type);

// Probes
equal("Healthy", some((await client.GET("/health")).data).status);
equal("ok", some((await client.GET("/")).data).status);

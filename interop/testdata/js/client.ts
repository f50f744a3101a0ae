// A user of the types that openapi-typescript makes, through openapi-fetch.
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

function check(good: boolean, what: string, seen: unknown): asserts good {
	if (!good) throw new Error(`${what}: ${JSON.stringify(seen)}`);
}

const [baseUrl, username, password] = process.argv.slice(2) as [string, string, string];
const anonymous = createClient<paths>({ baseUrl });
const refused = await anonymous.POST("/login/", { body: { username, password: "wrong", client: "web" } });
check(refused.error !== undefined && "non_field_errors" in refused.error && refused.error.non_field_errors?.length === 1, "a wrong password", refused.error);
const login = await anonymous.POST("/login/", { body: { username, password, client: "web" } });
check(login.data?.token !== undefined && login.data.expiry !== null, "log in", login);
const other = await anonymous.POST("/login/", { body: { username, password, client: "endless" } });
check(other.data?.expiry === null, "log in elsewhere", other);

const client = createClient<paths>({ baseUrl, headers: { Authorization: `Token ${login.data.token}` } });
const list = await client.GET("/sessions/");
check(list.data?.length === 2, "list", list);
for (const session of list.data) {
	const id: number = session.id;
	const ended = await client.DELETE("/sessions/{id}", { params: { path: { id } } });
	check(ended.response.status === (session.is_current ? 400 : 204), `end ${id}`, ended);
}
const out = await client.POST("/logout/");
check(out.response.status === 204, "log out", out);
const gone = await client.GET("/sessions/");
check(gone.error?.detail === "Invalid token.", "list after that", gone);

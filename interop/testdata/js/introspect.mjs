// Two OAuth libraries that find the server by its issuer, introspect a token and
// revoke it.
import * as client from "openid-client";
import * as oauth from "oauth4webapi";

function check(good, what, seen) {
	if (!good) throw new Error(`${what}: ${JSON.stringify(seen)}`);
}

const [library, issuer, id, secret, token] = process.argv.slice(2);

async function openidClient(algorithm) {
	// The third and fourth arguments say nothing of the method: it is client_secret_post.
	const config = await client.discovery(new URL(issuer), id, secret, undefined, { algorithm, execute: [client.allowInsecureRequests] });
	return {
		ask: () => client.tokenIntrospection(config, token),
		end: () => client.tokenRevocation(config, token),
	};
}

async function oauth4webapi(auth) {
	const options = { [oauth.allowInsecureRequests]: true };
	const url = new URL(issuer);
	const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: "oauth2", ...options }));
	const self = { client_id: id };
	return {
		ask: async () => oauth.processIntrospectionResponse(as, self, await oauth.introspectionRequest(as, self, auth(secret), token, options)),
		end: async () => oauth.processRevocationResponse(await oauth.revocationRequest(as, self, auth(secret), token, options)),
	};
}

const { ask, end } = await {
	"openid-client": () => openidClient("oidc"),
	"openid-client oauth2": () => openidClient("oauth2"),
	"oauth4webapi post": () => oauth4webapi(oauth.ClientSecretPost),
	"oauth4webapi basic": () => oauth4webapi(oauth.ClientSecretBasic),
}[library]();
const before = await ask();
check(before.active === true && before.username === "ada" && before.iss === issuer && before.exp > Date.now() / 1000, "a good token", before);
await end();
const after = await ask();
check(after.active === false, "an ended token", after);

// oidc-provider on a port, with its own pages for login and consent. What it knows outlives the process.
import { generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import Provider from "oidc-provider";
import { setStorage } from "oidc-provider/lib/adapters/memory_adapter.js";
import { serve } from "./server.js";

const { port, memory, origins, ttl, rotate } = JSON.parse(process.argv[2]);

const remembered = existsSync(memory) ? JSON.parse(readFileSync(memory, "utf8")) : {};
const key = remembered.key ?? {
  ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }),
  kid: "one",
  alg: "RS256",
  use: "sig",
};
const storage = new Map(remembered.entries ?? []);
setStorage(storage);
const remember = () => writeFileSync(memory, JSON.stringify({ key, entries: [...storage] }));

const urls = (path) => origins.map((origin) => origin + path);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "shop",
      client_secret: "the secret of the shop, long enough",
      grant_types: ["authorization_code", "refresh_token"],
      redirect_uris: urls("/oauth2/callback"),
      post_logout_redirect_uris: urls("/goodbye"),
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "org"] },
  conformIdTokenClaims: false,
  cookies: { keys: ["for tests only"] },
  features: { revocation: { enabled: true }, introspection: { enabled: true } },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: id.toUpperCase(), org: { id: "acme" } }),
  }),
  issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
  jwks: { keys: [key] },
  pkce: { methods: ["S256"], required: () => true },
  rotateRefreshToken: rotate ?? true,
  ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 3600, IdToken: 600, Interaction: 600, RefreshToken: 3600, Session: 3600, ...ttl },
});

serve(port, (request, response) => {
  const end = response.end;
  response.end = (...rest) => {
    remember();
    return end.apply(response, rest);
  };
  provider.callback()(request, response);
});

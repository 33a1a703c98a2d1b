// oauth2-mock-server on a port. Tokens that begin with `good` are active.
import { OAuth2Server } from "oauth2-mock-server";
import { read, serve } from "./server.js";

const { port, introspection } = JSON.parse(process.argv[2]);
const { issuer, service } = new OAuth2Server();
issuer.url = `http://127.0.0.1:${port}`;
await issuer.keys.generate("RS256");

service.on("beforeIntrospect", (answer, request) => {
  const token = request.body.token ?? "";
  if (!token.startsWith("good")) {
    answer.body = { active: false };
    return;
  }
  const now = Math.floor(Date.now() / 1000);
  const usual = { active: true, iss: issuer.url, sub: "ada", client_id: "shop", scope: "read write", exp: now + 600 };
  answer.body = { ...usual, ...introspection?.[token] };
});

serve(port, async (request, response, path) => {
  if (path === "/introspect") {
    // The server leaves this body to whoever stands before it.
    request.body = Object.fromEntries(new URLSearchParams(await read(request)));
    request._body = true;
  }
  service.requestHandler(request, response);
});

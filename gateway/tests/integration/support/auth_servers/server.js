// What both authorization servers have in common: the port, counts, and misbehaviour on demand.
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const counts = {};
const misbehaviour = {};

async function read(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

// The test's own door: how a path answers from now on, and how often it was asked.
async function control(request, response) {
  if (request.method === "PUT") {
    Object.assign(misbehaviour, JSON.parse(await read(request)));
  }
  response.end(JSON.stringify(counts));
}

// Answers in the server's place, or not at all. False: the server is to answer.
async function misbehave({ kind, delay, status, body, type }, response) {
  if (delay) await sleep(delay);
  switch (kind) {
    case "stuck":
      return true;
    case "html":
      response.setHeader("content-type", "text/html");
      response.end("<!doctype html><title>Sign in</title>");
      return true;
    case "answer":
      response.statusCode = status ?? 200;
      response.setHeader("content-type", type ?? "application/json");
      response.end(typeof body === "string" ? body : JSON.stringify(body));
      return true;
    default:
      return false;
  }
}

/** Serves on this port, and says on stdout when it does. */
export function serve(port, handler) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    if (path === "/test/control") return control(request, response);
    counts[path] = (counts[path] ?? 0) + 1;
    if (await misbehave(misbehaviour[path] ?? {}, response)) return;
    handler(request, response, path);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(port, "127.0.0.1", () => console.log('{"message":"listening"}'));
}

export { read };

// What the real grammY does where it breaks its own promises. Writes seen.json, which ../test_coming_from_grammy.py
// holds against typed-sessions:
//
//   cd FOLDER && npm install grammy@1.46.0 @grammyjs/storage-file@2.6.0 @grammyjs/storage-supabase@2.6.0 \
//     @supabase/supabase-js@2.109.0
//   node see.mjs FOLDER > seen.json
//
// Run it as root: it becomes an unprivileged user, so that a file which it may not read really cannot be read.
import { mkdtempSync, readFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [folder] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const { Bot, MemorySessionStorage, enhanceStorage, lazySession, session } = require("grammy");
const { FileAdapter } = require("@grammyjs/storage-file");
const { supabaseAdapter } = require("@grammyjs/storage-supabase");
const { createClient } = require("@supabase/supabase-js");

const NOBODY = 65534;
const NOW = 1_767_225_600_000;
Date.now = () => NOW; // the clock stands still

const CHAT = 42;
const ada = { id: 7, is_bot: false, first_name: "Ada" };
const message = {
  update_id: 1,
  message: { message_id: 1, date: 0, text: "hi", chat: { id: CHAT, type: "private", first_name: "Ada" }, from: ada },
};
const inlineQuery = { update_id: 2, inline_query: { id: "1", query: "pizza", offset: "", from: ada } };

/** A bot with its session middleware and one handler, given one update. The error that it raised, or null. */
async function hear(middleware, handler, update = message) {
  const bot = new Bot("7009001:unused", { botInfo: { ...ada, id: 7009001, is_bot: true, username: "shop_bot" } });
  bot.use(middleware);
  bot.use(handler);
  try {
    await bot.handleUpdate(update);
    return null;
  } catch (error) {
    return error.error?.message ?? error.message;
  }
}

const initial = () => ({ count: 0 });
const addOne = (context) => { context.session.count += 1; };
const look = (context) => context.session.count;
const fail = () => { throw new Error("out of dough"); };

async function decimalVersions() {
  const ran = (migrations) => {
    const steps = [];
    const noted = Object.keys(migrations).map((version) => [version, (old) => { steps.push(version); return old; }]);
    return { steps, migrations: Object.fromEntries(noted) };
  };
  const storage = new MemorySessionStorage();
  storage.write("42", { count: 0 });
  const documented = ran({ 1: 0, 1.5: 0, 4: 0 });
  await enhanceStorage({ storage, migrations: documented.migrations }).read("42");
  const last = ran({ 1: 0, 2: 0, 10.1: 0 });
  const raised = await enhanceStorage({ storage, migrations: last.migrations }).read("42").catch((error) => error);
  return { declared: ["1", "1.5", "4"], ran: documented.steps, decimal_last: raised.constructor.name };
}

async function newerVersion() {
  const storage = new MemorySessionStorage();
  storage.write("42", { v: 99, __d: { count: 3, added_by_99: true } });
  const enhanced = enhanceStorage({ storage, migrations: { 1: (old) => old, 11: (old) => old } });
  const raised = await hear(session({ initial, storage: enhanced }), look);
  return { stored: 99, code: 11, raised, stored_after_a_read: storage.read("42").v };
}

async function readThatExtendsTheLife() {
  const storage = new MemorySessionStorage();
  storage.write("42", { __d: { count: 3 }, e: NOW + 1_000 });
  const enhanced = enhanceStorage({ storage, millisecondsToLive: 60_000 });
  await hear(session({ initial, storage: enhanced }), look);
  return { left_before_ms: 1_000, left_after_a_read_ms: storage.read("42").e - NOW };
}

async function unreadableFile() {
  const dirName = mkdtempSync(join(tmpdir(), "sessions-"));
  const path = join(dirName, "42", "42.json");
  const storage = new FileAdapter({ dirName });
  await storage.write("42", { count: 3 });
  await chmod(path, 0o200); // may be written, may not be read
  const raised = await hear(session({ initial, storage }), addOne);
  await chmod(path, 0o600);
  return { stored: 3, raised, stored_after_one_more: JSON.parse(readFileSync(path, "utf8")).count };
}

/** A PostgREST as Supabase has it, with one row, that fails the requests of the methods in `failing`. */
async function withSupabase(failing, use) {
  let row = { id: "42", session: JSON.stringify({ count: 3 }) };
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      if (failing.includes(request.method)) {
        response.writeHead(500, { "Content-Type": "application/json" }).end('{"message": "out of memory"}');
        return;
      }
      if (request.method === "POST") row = JSON.parse(Buffer.concat(chunks).toString());
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(row));
    });
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const realtime = { transport: class {} }; // Node 20 has no WebSocket, and nobody needs one here
  const supabase = createClient(`http://127.0.0.1:${server.address().port}`, "unused", { realtime });
  const raised = await use(supabaseAdapter({ supabase, table: "sessions" }));
  server.close();
  server.closeAllConnections();
  return { stored: 3, raised, stored_after_one_more: JSON.parse(row.session).count };
}

const unreadableRow = () => withSupabase(["GET"], (storage) => hear(session({ initial, storage }), addOne));
const unwritableRow = () => withSupabase(["POST"], (storage) => hear(session({ initial, storage }), addOne));

async function handlerThatRaised() {
  const storage = new MemorySessionStorage();
  storage.write("42", { count: 3 });
  const raised = await hear(session({ initial, storage }), (context) => { addOne(context); fail(); });
  return { stored: 3, raised, stored_after: storage.read("42").count };
}

async function multiSessionWithoutAKey() {
  const chats = new MemorySessionStorage();
  const users = new MemorySessionStorage();
  users.write("7", { count: 3 });
  const parts = {
    type: "multi",
    chat: { initial, storage: chats },
    user: { initial, storage: users, getSessionKey: (context) => context.from?.id.toString() },
  };
  const raised = await hear(session(parts), (context) => { context.session = null; }, inlineQuery);
  return { raised, part_is_left: users.has("7") };
}

async function multiSessionThatFailsHalfway() {
  const orders = new MemorySessionStorage();
  const refusing = { read: () => ({ count: 3 }), write: () => { throw new Error("full"); }, delete: () => {} };
  const parts = { type: "multi", order: { initial, storage: orders }, stock: { initial, storage: refusing } };
  const raised = await hear(session(parts), (context) => {
    context.session.order.count += 1;
    context.session.stock.count -= 1;
  });
  return { raised, order_is_stored: orders.has("42") };
}

async function documentedResetOfALazySession() {
  const storage = new MemorySessionStorage();
  storage.write("42", { counter: 3 });
  const reset = (context) => {
    context.session = context.session.then((stats) => { stats.counter = 0; }); // as in its documentation
  };
  const never = new Promise((done) => { setTimeout(() => done("still waiting"), 1_000); });
  const ended = hear(lazySession({ initial, storage }), reset).then((raised) => raised ?? "done");
  return { after_a_second: await Promise.race([ended, never]) };
}

async function prefixesThatMeet() {
  const storage = new MemorySessionStorage();
  const set = (prefix, key, count) =>
    hear(session({ initial, storage, prefix, getSessionKey: () => key }), (context) => { context.session.count = count; });
  await set("user1", "23", 1);
  await set("user", "123", 2);
  return { sessions_written: 2, keys: storage.readAllKeys() };
}

async function enhancedListing() {
  const storage = new MemorySessionStorage();
  const names = (each) => ["readAllKeys", "readAllValues", "readAllEntries"].filter((name) => name in each);
  return { before: names(storage), after: names(enhanceStorage({ storage, millisecondsToLive: 1 })) };
}

async function updatesAtOnce() {
  const storage = { kept: new Map(), read: async (key) => JSON.parse(storage.kept.get(key) ?? "null") ?? undefined,
    write: async (key, value) => { storage.kept.set(key, JSON.stringify(value)); }, delete: async () => {} };
  const bot = new Bot("7009001:unused", { botInfo: { ...ada, id: 7009001, is_bot: true, username: "shop_bot" } });
  bot.use(session({ initial, storage }));
  bot.use(addOne);
  await Promise.all(Array.from({ length: 10 }, () => bot.handleUpdate(message)));
  return { updates: 10, counted: JSON.parse(storage.kept.get("42")).count };
}

process.setgid(NOBODY);
process.setuid(NOBODY);
const experiments = {
  decimalVersions, newerVersion, readThatExtendsTheLife, unreadableFile, unreadableRow, unwritableRow, handlerThatRaised,
  multiSessionWithoutAKey, multiSessionThatFailsHalfway, documentedResetOfALazySession, prefixesThatMeet,
  enhancedListing, updatesAtOnce,
};
const versions = Object.fromEntries(
  ["grammy", "@grammyjs/storage-file", "@grammyjs/storage-supabase", "@supabase/supabase-js"]
    .map((name) => [name, JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"))).version]),
);
const seen = { versions };
for (const [name, experiment] of Object.entries(experiments)) seen[name] = await experiment();
console.log(JSON.stringify(seen, null, 2));

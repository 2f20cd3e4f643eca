// Makes the fixtures of this folder with grammY itself and its storage adapters: npm install && node make.mjs
//
// The sessions are those of a bot at three times: before it had migrations, behind migration 1, and behind migration 2
// with a time to live; and those of a multi session with prefixes. The calls of the adapters to their databases are
// recorded as they are made: SET commands for Redis, statements for PostgreSQL, documents for MongoDB.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { FileAdapter } from "@grammyjs/storage-file";
import { MongoDBAdapter } from "@grammyjs/storage-mongodb";
import { PsqlAdapter } from "@grammyjs/storage-psql";
import { RedisAdapter } from "@grammyjs/storage-redis";
import { EJSON } from "bson";
import { Bot, enhanceStorage, session } from "grammy";

const BOT = { id: 42, is_bot: true, first_name: "Shop", username: "shop_bot", can_join_groups: true,
  can_read_all_group_messages: false, supports_inline_queries: false };
const ADA = { id: 1001, is_bot: false, first_name: "Ada" };
const BOB = { id: 1002, is_bot: false, first_name: "Bob" };
const GROUP = { id: -1001234567890, type: "supergroup", title: "Lunch" };
const NOW = Date.UTC(2026, 0, 31, 12);
const YEARS = 1000 * 60 * 60 * 24 * 365 * 50;

const chatOf = (user) => ({ id: user.id, type: "private", first_name: user.first_name });
let updates = 0;

/** Lets a bot with that session handle a message of each text, from a user in a chat. */
async function talk(options, handler, messages) {
  const bot = new Bot("42:token", { botInfo: BOT });
  bot.use(session(options));
  bot.on("message:text", handler);
  for (const [from, chat, text] of messages) {
    updates += 1;
    const message = { message_id: updates, date: NOW / 1000, chat, from, text };
    await bot.handleUpdate({ update_id: updates, message });
  }
}

const migrations = {
  1: (old) => ({ items: old.pizzas, user: old.user }),
  2: (old) => ({ lines: old.items.map((sku) => ({ sku, qty: 1 })), user: old.user }),
};
const add = {
  plain: (ctx) => { ctx.session.pizzas.push(ctx.message.text); },
  one: (ctx) => { ctx.session.items.push(ctx.message.text); },
  two: (ctx) => { ctx.session.lines.push({ sku: ctx.message.text, qty: 1 }); },
};

async function fill(storage) {
  const first = enhanceStorage({ storage, migrations: { 1: migrations[1] } });
  const latest = enhanceStorage({ storage, migrations, millisecondsToLive: YEARS });
  await talk({ initial: () => ({ pizzas: [], user: "ada ✓" }), storage }, add.plain, [[ADA, chatOf(ADA), "funghi"]]);
  await talk({ initial: () => ({ items: [], user: "bob" }), storage: first }, add.one, [[BOB, chatOf(BOB), "diavola"]]);
  await talk({ initial: () => ({ lines: [], user: "all" }), storage: latest }, add.two,
    [[ADA, GROUP, "margherita"], [BOB, GROUP, "romana"]]);
  // Ended long ago: a time to live that is over.
  const gone = enhanceStorage({ storage, migrations, millisecondsToLive: 1000 });
  Date.now = () => NOW;
  await talk({ initial: () => ({ lines: [], user: "eve" }), storage: gone }, add.two,
    [[{ ...BOB, id: 1003 }, chatOf({ ...BOB, id: 1003 }), "old"]]);
}

/** Two parts of a multi session, told apart by their prefixes; one is a mere number. */
async function fillMulti(storage) {
  const options = {
    type: "multi",
    cart: { initial: () => ({ pizzas: [], user: "ada" }), storage, prefix: "cart." },
    visits: { initial: () => 0, storage, prefix: "visits.", getSessionKey: (ctx) => `${ctx.chatId}.${ctx.from.id}` },
  };
  const handler = (ctx) => { ctx.session.cart.pizzas.push(ctx.message.text); ctx.session.visits += 1; };
  await talk(options, handler, [[ADA, GROUP, "funghi"], [BOB, GROUP, "diavola"], [BOB, GROUP, "romana"]]);
}

async function recorded(file, fills) {
  const now = Date.now;
  const [storage, result] = await file();
  for (const fill of fills) {
    Date.now = () => NOW;
    await fill(storage);
  }
  Date.now = now;
  return result;
}

function folder(name, fills) {
  rmSync(name, { recursive: true, force: true });
  mkdirSync(name);
  return recorded(async () => [new FileAdapter({ dirName: name }), null], fills);
}

/** What an ioredis client is asked to SET; it answers from its own memory. */
async function redis() {
  const kept = new Map();
  const commands = [];
  const instance = {
    get: async (key) => kept.get(key) ?? null,
    set: async (key, value, ...life) => { kept.set(key, value); commands.push([key, value, ...life]); },
    del: async (key) => { kept.delete(key); },
  };
  return [new RedisAdapter({ instance }), commands];
}

/** What a pg client is asked; it answers from its own memory. */
async function postgresql() {
  const kept = new Map();
  const statements = [];
  const client = {
    query: async (text, values = []) => {
      if (/^\s*(CREATE|INSERT)/.test(text)) statements.push([text, values]);
      if (/^\s*INSERT/.test(text)) kept.set(values[0], values[1]);
      const rows = kept.has(values[0]) ? [{ key: values[0], value: kept.get(values[0]) }] : [];
      return { rows, command: text.trim().split(" ")[0] };
    },
  };
  return [await PsqlAdapter.create({ tableName: "sessions", client }), statements];
}

/** A collection in memory, written out as mongoexport does: extended JSON, a document on each line. */
async function mongodb() {
  const documents = new Map();
  const collection = {
    findOne: async ({ key }) => documents.get(key) ?? null,
    updateOne: async ({ key }, { $set }) => { documents.set(key, { ...documents.get(key), ...$set }); },
    deleteOne: async ({ key }) => { documents.delete(key); },
  };
  return [new MongoDBAdapter({ collection }), documents];
}

const lines = (values) => values.map((value) => JSON.stringify(value) + "\n").join("");

await folder("file", [fill]);
await folder("multi", [fillMulti]);
writeFileSync("redis.jsonl", lines(await recorded(redis, [fill, fillMulti])));
writeFileSync("postgresql.jsonl", lines(await recorded(postgresql, [fill])));
const documents = [...(await recorded(mongodb, [fill])).values()];
const exported = documents.map((document, index) => EJSON.stringify(
  { _id: { $oid: (0x697df1c0 + index).toString(16).padEnd(24, "0") }, ...document }, { relaxed: true }) + "\n");
writeFileSync("mongoexport.json", exported.join(""));

// grammY with one of its storages. Orders come as lines of JSON on the standard input; each is answered by a line.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [folder, kind, where] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const { Bot, session } = require("grammy");

const KEPT = 20;
const FIRST_CHAT = 1;
let pause = 0;

async function opened() {
  if (kind === "postgresql") {
    const { Pool } = require("pg");
    const { PsqlAdapter } = require("@grammyjs/storage-psql");
    const client = new Pool({ connectionString: where, max: 10 });
    return PsqlAdapter.create({ tableName: "grammy", client });
  }
  if (kind === "redis") {
    const { Redis } = require("ioredis");
    const { RedisAdapter } = require("@grammyjs/storage-redis");
    return new RedisAdapter({ instance: new Redis(where) });
  }
  if (kind === "file") {
    const { FileAdapter } = require("@grammyjs/storage-file");
    return new FileAdapter({ dirName: where });
  }
  return undefined; // its own, in memory
}

const user = (id) => ({ id, is_bot: false, first_name: "Ada" });
const update = (text, number) => ({
  update_id: 1,
  message: {
    message_id: 1,
    date: 0,
    text,
    chat: { id: number + FIRST_CHAT, type: "private", first_name: "Ada" },
    from: user(number + FIRST_CHAT),
  },
});

const bot = new Bot("7009001:unused", {
  botInfo: { ...user(7009001), is_bot: true, username: "bench_bot", can_join_groups: true,
             can_read_all_group_messages: false, supports_inline_queries: false },
});
bot.use(session({ initial: () => ({ count: 0, recent: [] }), storage: await opened() }));
let seen = 0;
bot.hears("look", (context) => { seen = context.session.count; });
bot.on("message", async (context) => {
  const read = context.session.count;
  if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
  context.session.count = read + 1;
  context.session.recent = [...context.session.recent, read + 1].slice(-KEPT);
});

async function change({ tasks, turns }) {
  const begun = process.hrtime.bigint();
  await Promise.all(Array.from({ length: tasks }, async (_, number) => {
    for (let turn = 0; turn < turns; turn++) await bot.handleUpdate(update("change", number));
  }));
  return Number(process.hrtime.bigint() - begun) / 1e9;
}

async function look() {
  await bot.handleUpdate(update("look", 0));
  return seen;
}

async function survivors({ turns, seconds }) {
  const before = await look();
  pause = seconds * 1000;
  await Promise.allSettled(Array.from({ length: turns }, () => bot.handleUpdate(update("change", 0))));
  pause = 0;
  return (await look()) - before;
}

const orders = { change, look, survivors };
for await (const line of createInterface({ input: process.stdin })) {
  const { order, ...options } = JSON.parse(line);
  console.log(JSON.stringify(await orders[order](options)));
}
process.exit(0);

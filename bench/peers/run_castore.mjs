// castore as a contestant, on a table of its own. The working folder holds its packages.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.cwd()}/`);
const { CreateTableCommand, DynamoDBClient, ListTablesCommand } = require("@aws-sdk/client-dynamodb");
const { EventStore, EventType, eventAlreadyExistsErrorCode } = require("@castore/core");
const { DynamoDBSingleTableEventStorageAdapter } = require("@castore/event-storage-adapter-dynamodb");

const TABLE = "castore";
const AT_ONCE = 16;

const client = new DynamoDBClient({ endpoint: process.env.BENCH_ENDPOINT });
const eventStorageAdapter = new DynamoDBSingleTableEventStorageAdapter({ tableName: TABLE, dynamoDBClient: client });
const accounts = new EventStore({
  eventStoreId: "ACCOUNTS",
  eventTypes: [new EventType({ type: "DEPOSITED" })],
  reducer: (account = { balance: 0, movements: 0 }, event) => ({
    aggregateId: event.aggregateId,
    version: event.version,
    balance: account.balance + event.payload.amount,
    movements: account.movements + 1,
  }),
  eventStorageAdapter,
});

async function createTable() {
  const { TableNames } = await client.send(new ListTablesCommand({}));
  if (TableNames.includes(TABLE)) return;
  const types = { aggregateId: "S", version: "N", eventStoreId: "S", timestamp: "S" };
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: Object.entries(types).map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
      KeySchema: [
        { AttributeName: "aggregateId", KeyType: "HASH" },
        { AttributeName: "version", KeyType: "RANGE" },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: "initialEvents",
          KeySchema: [
            { AttributeName: "eventStoreId", KeyType: "HASH" },
            { AttributeName: "timestamp", KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "KEYS_ONLY" },
        },
      ],
    }),
  );
}

const digest = (text) => createHash("sha256").update(text).digest("hex");
const note = (number) => digest(`${number}/0`) + digest(`${number}/1`);
const deposited = (aggregateId, number) => ({
  aggregateId,
  version: number,
  type: "DEPOSITED",
  payload: { amount: number, note: note(number) },
});

async function commit(stream, first, size) {
  const events = Array.from({ length: size }, (_, index) => deposited(stream, first + index));
  if (size === 1) return accounts.pushEvent(events[0]);
  return EventStore.pushEventGroup(...events.map((event) => accounts.groupEvent(event)));
}

// Each prepares; only what it returns is timed.
const actions = {
  // An event is an item however many are written together, so they are written one by one.
  fill: ({ stream, count }) => async () => {
    for (let first = 1; first <= count; first += AT_ONCE) {
      const numbers = Array.from({ length: Math.min(AT_ONCE, count + 1 - first) }, (_, index) => first + index);
      await Promise.all(numbers.map((number) => accounts.pushEvent(deposited(stream, number))));
    }
    return count;
  },
  append: ({ stream, size, times }) => async () => {
    for (let number = 0; number < times; number += 1) await commit(stream, 1 + number * size, size);
    return size * times;
  },
  load: ({ stream }) => async () => (await accounts.getAggregate(stream)).aggregate.movements,
  race: async ({ stream }) => {
    const { aggregate } = await accounts.getAggregate(stream);
    const accepted = async () => {
      try {
        await accounts.pushEvent(deposited(stream, aggregate.version + 1));
        return 1;
      } catch (error) {
        if (error.code !== eventAlreadyExistsErrorCode) throw error;
        return 0;
      }
    };
    return async () => (await accepted()) + (await accepted());
  },
};

async function timed({ do: name, ...asked }) {
  const act = await actions[name](asked);
  const cpu = process.cpuUsage();
  const begun = process.hrtime.bigint();
  const answer = await act();
  const wall = Number(process.hrtime.bigint() - begun) / 1e9;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1e6, answer };
}

await createTable();
console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await timed(JSON.parse(line)).catch((error) => ({ error: String(error) }));
  console.log(JSON.stringify(answer));
}

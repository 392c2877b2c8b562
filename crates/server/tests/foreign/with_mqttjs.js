// Puts a broker through what MQTT.js does: with_mqttjs.js CAFILE URL
//
// Says "good" for each version of MQTT and exits with 0, or shows what went wrong. Nothing waits for a time to
// pass; what does not happen within PATIENCE_MS is a failure.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const mqtt = require("mqtt");

const PATIENCE_MS = 20_000;
const EACH = 20;
const [caFile, url] = process.argv.slice(2);

/// A connected client. Its messages can be waited for.
class Client {
  static async connect(version, more = {}) {
    const options = { protocolVersion: version, ca: fs.readFileSync(caFile), reconnectPeriod: 0, ...more };
    const client = new Client();
    client.messages = [];
    client.waiting = [];
    client.mqtt = mqtt.connect(url, options);
    client.mqtt.on("message", (topic, payload, packet) => {
      const message = { topic, payload, qos: packet.qos, retain: packet.retain, properties: packet.properties };
      const waiting = client.waiting.shift();
      waiting ? waiting(message) : client.messages.push(message);
    });
    client.closed = new Promise((resolve) => client.mqtt.once("close", resolve));
    const ack = await new Promise((resolve, reject) => {
      client.mqtt.once("connect", resolve);
      client.mqtt.once("error", reject);
    });
    client.present = ack.sessionPresent;
    return client;
  }

  message() {
    if (this.messages.length > 0) return Promise.resolve(this.messages.shift());
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  subscribe(filter, qos) {
    return this.mqtt.subscribeAsync(filter, { qos });
  }

  publish(topic, payload, qos, more = {}) {
    return this.mqtt.publishAsync(topic, payload, { qos, ...more });
  }

  end() {
    return this.mqtt.endAsync();
  }

  /// Ends the connection without a word.
  vanish() {
    this.mqtt.stream.destroy();
    return this.closed;
  }
}

async function messagesPass(version, name) {
  const publisher = await Client.connect(version);
  const subscriber = await Client.connect(version);
  await subscriber.subscribe(`${name}/#`, 2);
  for (const qos of [0, 1, 2]) {
    await Promise.all(Array.from({ length: EACH }, (_, n) => publisher.publish(`${name}/${qos}`, `${n}`, qos)));
    for (let n = 0; n < EACH; n++) {
      const got = await subscriber.message();
      assert.deepStrictEqual([got.topic, `${got.payload}`, got.qos], [`${name}/${qos}`, `${n}`, qos]);
    }
    // Many records of TLS and more than one read of the broker's.
    const large = Buffer.alloc(300_000, Uint8Array.from({ length: 251 }, (_, n) => n));
    await publisher.publish(`${name}/large`, large, qos);
    assert.ok((await subscriber.message()).payload.equals(large));
  }
  await publisher.end();
  await subscriber.end();
}

async function retainedMessagesCome(version, name) {
  const publisher = await Client.connect(version);
  await publisher.publish(`${name}/kept`, "state", 1, { retain: true });
  const subscriber = await Client.connect(version);
  await subscriber.subscribe(`${name}/kept`, 1);
  const got = await subscriber.message();
  assert.deepStrictEqual([`${got.payload}`, got.retain], ["state", true]);
  await publisher.publish(`${name}/kept`, "", 1, { retain: true });
  assert.strictEqual((await subscriber.message()).payload.length, 0);
  await publisher.end();
  await subscriber.end();
}

async function willsArePublished(version, name) {
  const heir = await Client.connect(version);
  await heir.subscribe(`${name}/will`, 1);
  const owner = await Client.connect(version, { will: { topic: `${name}/will`, payload: "gone", qos: 1 } });
  await owner.vanish();
  assert.strictEqual(`${(await heir.message()).payload}`, "gone");
  await heir.end();
}

async function sessionsAreResumed(version, name) {
  const clientId = `${name}-away`;
  const stays = { clientId, clean: false };
  if (version === 5) stays.properties = { sessionExpiryInterval: 3600 };
  let away = await Client.connect(version, stays);
  assert.strictEqual(away.present, false);
  await away.subscribe(`${name}/news`, 2);
  await away.end();
  const publisher = await Client.connect(version);
  for (let n = 0; n < EACH; n++) await publisher.publish(`${name}/news`, `${n}`, n < EACH / 2 ? 1 : 2);
  await publisher.end();
  away = await Client.connect(version, stays);
  assert.strictEqual(away.present, true);
  for (let n = 0; n < EACH; n++) {
    const got = await away.message();
    assert.deepStrictEqual([`${got.payload}`, got.qos], [`${n}`, n < EACH / 2 ? 1 : 2]);
  }
  await away.end();
  // Nothing of it is left.
  await (await Client.connect(version, { clientId })).end();
}

async function propertiesPass(name) {
  const [publisher, subscriber] = [await Client.connect(5), await Client.connect(5)];
  await subscriber.subscribe(name, 1);
  const properties = {
    contentType: "text/plain",
    responseTopic: "answers",
    correlationData: Buffer.from([1, 2]),
    userProperties: { a: ["1", "2"] },
  };
  await publisher.publish(name, "x", 1, { properties });
  const got = (await subscriber.message()).properties;
  assert.deepStrictEqual({ ...got, userProperties: { ...got.userProperties } }, properties);
  await publisher.end();
  await subscriber.end();
}

async function main() {
  for (const version of [4, 5]) {
    const name = `version-${version}`;
    await messagesPass(version, name);
    await retainedMessagesCome(version, name);
    await willsArePublished(version, name);
    await sessionsAreResumed(version, name);
    if (version === 5) await propertiesPass(`${name}/properties`);
    console.log(`version ${version}: good`);
  }
}

setTimeout(() => {
  console.error("something did not happen in time");
  process.exit(1);
}, PATIENCE_MS).unref();

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);

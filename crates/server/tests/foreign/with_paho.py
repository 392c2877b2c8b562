"""Puts a broker at 127.0.0.1 through what Eclipse Paho's client does: with_paho.py PORT [tcp | websockets].

Says "good" for each version of MQTT and exits with 0, or shows what went wrong. Nothing waits for a time to pass; what
does not happen within PATIENCE_S is a failure.
"""

import queue
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PATIENCE_S = 20
PORT = int(sys.argv[1])
TRANSPORT = sys.argv[2] if len(sys.argv) > 2 else "tcp"


def end_of(connection):
    """The socket of a connection; Paho wraps that of a WebSocket."""
    return getattr(connection, "_socket", connection)


class Client:
    """A connected client whose messages and events can be waited for."""

    def __init__(self, version, client_id, persistent=False, will=None):
        self.messages, self.events = queue.Queue(), queue.Queue()
        options = {} if version == mqtt.MQTTv5 else {"clean_session": not persistent}
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id, protocol=version, transport=TRANSPORT, **options)
        self.client.on_connect = lambda c, u, flags, reason, p: self.events.put(
            ("connected", flags.session_present, reason.is_failure)
        )
        self.client.on_subscribe = lambda c, u, mid, reasons, p: self.events.put(("subscribed", [r.value for r in reasons]))
        self.client.on_disconnect = lambda c, u, flags, reason, p: self.events.put(("disconnected",))
        self.client.on_message = lambda c, u, message: self.messages.put(message)
        if will:
            self.client.will_set(*will)
        properties = None
        if version == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 3600 if persistent else 0
            self.client.connect("127.0.0.1", PORT, clean_start=not persistent, properties=properties)
        else:
            self.client.connect("127.0.0.1", PORT)
        self.client.loop_start()
        name, self.present, failed = self.event()
        assert (name, failed) == ("connected", False)

    def event(self):
        return self.events.get(timeout=PATIENCE_S)

    def message(self):
        return self.messages.get(timeout=PATIENCE_S)

    def subscribe(self, topic, qos):
        self.client.subscribe(topic, qos)
        assert self.event() == ("subscribed", [qos])

    def publish(self, topic, payload, qos, **more):
        self.client.publish(topic, payload, qos, **more).wait_for_publish(PATIENCE_S)

    def disconnect(self):
        self.client.disconnect()
        assert self.event() == ("disconnected",)
        self.client.loop_stop()

    def vanish(self):
        """Ends the connection without a word."""
        end_of(self.client.socket()).shutdown(2)
        assert self.event() == ("disconnected",)
        self.client.loop_stop()


def messages_pass(version, name):
    publisher, subscriber = Client(version, name + "-publisher"), Client(version, name + "-subscriber")
    subscriber.subscribe(name + "/#", 2)
    for qos in range(3):
        for n in range(20):
            publisher.publish(f"{name}/{qos}", f"{n}", qos)
        for n in range(20):
            got = subscriber.message()
            assert (got.topic, got.payload, got.qos) == (f"{name}/{qos}", b"%d" % n, qos), got.payload
    large = bytes(range(256)) * 4000
    publisher.publish(name + "/large", large, 1)
    assert subscriber.message().payload == large
    publisher.disconnect()
    subscriber.disconnect()


def retained_messages_come(version, name):
    publisher = Client(version, name + "-publisher")
    publisher.publish(name + "/kept", "state", 1, retain=True)
    subscriber = Client(version, name + "-subscriber")
    subscriber.subscribe(name + "/kept", 1)
    got = subscriber.message()
    assert (got.payload, got.retain) == (b"state", True)
    publisher.publish(name + "/kept", "", 1, retain=True)
    assert subscriber.message().payload == b""
    publisher.disconnect()
    subscriber.disconnect()


def wills_are_published(version, name):
    heir = Client(version, name + "-heir")
    heir.subscribe(name + "/will", 1)
    Client(version, name + "-owner", will=(name + "/will", "gone", 1)).vanish()
    assert heir.message().payload == b"gone"
    heir.disconnect()


def sessions_are_resumed(version, name):
    away = Client(version, name + "-away", persistent=True)
    assert not away.present
    away.subscribe(name + "/news", 2)
    away.disconnect()
    publisher = Client(version, name + "-publisher")
    for n in range(10):
        publisher.publish(name + "/news", f"{n}", 1 + n // 5)
    publisher.disconnect()
    away = Client(version, name + "-away", persistent=True)
    assert away.present
    for n in range(10):
        got = away.message()
        assert (got.payload, got.qos) == (b"%d" % n, 1 + n // 5), got.payload
    away.disconnect()


def properties_pass():
    publisher, subscriber = Client(mqtt.MQTTv5, "p5-publisher"), Client(mqtt.MQTTv5, "p5-subscriber")
    subscriber.subscribe("p5", 1)
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "text/plain"
    properties.ResponseTopic = "answers"
    properties.CorrelationData = b"\x01\x02"
    properties.UserProperty = [("a", "1"), ("a", "2")]
    publisher.publish("p5", "x", 1, properties=properties)
    got = subscriber.message().properties
    assert (got.ContentType, got.ResponseTopic, got.CorrelationData) == ("text/plain", "answers", b"\x01\x02")
    assert got.UserProperty == [("a", "1"), ("a", "2")]
    publisher.disconnect()
    subscriber.disconnect()


for version, name in ((mqtt.MQTTv311, "MQTTv311"), (mqtt.MQTTv5, "MQTTv5")):
    messages_pass(version, name)
    retained_messages_come(version, name)
    wills_are_published(version, name)
    sessions_are_resumed(version, name)
    if version == mqtt.MQTTv5:
        properties_pass()
    print(name + ": good", flush=True)

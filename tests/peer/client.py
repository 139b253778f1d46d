"""An XMPP client of its own kind, for the stories: it speaks ESessions as `esession.py` has them. Commands on standard input
and events on standard output, as JSON lines. No TLS: it is for a server on this machine.
"""

import argparse
import base64
import json
import os
import selectors
import socket
import sys
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

from esession import C, ESESSION, FEATURE, FORM, INIT, SSN, Alice, Bob, Broken, ending

CLIENT = "jabber:client"


class Stream:
    """An XML stream with a server."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.waiting = []

    def open(self, domain):
        self.parser, self.depth, self.root = ET.XMLPullParser(("start", "end")), 0, None
        self.send(
            f"<?xml version='1.0'?><stream:stream to='{domain}' xmlns='{CLIENT}' version='1.0' "
            "xmlns:stream='http://etherx.jabber.org/streams'>"
        )
        return self.next()

    def send(self, xml):
        self.socket.sendall(xml.encode())

    def next(self):
        """The next stanza; waits for it."""
        while not self.waiting:
            self.read()
        return self.waiting.pop(0)

    def read(self):
        octets = self.socket.recv(65536)
        if not octets:
            raise SystemExit("the server has closed the stream")
        self.parser.feed(octets)
        for event, element in self.parser.read_events():
            if event == "start":
                self.root = element if self.depth == 0 else self.root
                self.depth += 1
            else:
                self.depth -= 1
                if self.depth == 1:
                    self.waiting.append(element)
                    self.root.remove(element)


class Client:
    def __init__(self, jid, password, port, kept):
        bare, self.resource = jid.split("/")
        self.user, self.domain = bare.split("@")
        self.stream, self.kept = Stream(port), kept
        self.retained = json.loads(open(kept).read()) if os.path.exists(kept) else {}
        self.half, self.session, self.ids, self.password = None, None, 0, b""
        self.log_in(password)

    def log_in(self, password):
        self.stream.open(self.domain)
        both = base64.b64encode(f"\0{self.user}\0{password}".encode()).decode()
        self.stream.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{both}</auth>")
        if not self.stream.next().tag.endswith("success"):
            raise SystemExit("the server refuses the password")
        self.stream.open(self.domain)
        self.stream.send(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            f"<resource>{self.resource}</resource></bind></iq><presence/>"
        )
        tell("online")

    def run(self):
        inputs = selectors.DefaultSelector()
        inputs.register(self.stream.socket, selectors.EVENT_READ)
        inputs.register(sys.stdin, selectors.EVENT_READ)
        pending = b""
        while True:
            while self.stream.waiting:
                self.handle(self.stream.next())
            for key, _ in inputs.select():
                if key.fileobj is not sys.stdin:
                    self.stream.read()
                    continue
                octets = os.read(sys.stdin.fileno(), 65536)
                if not octets:
                    return self.stream.send("</stream:stream>")
                *lines, pending = (pending + octets).split(b"\n")
                for line in lines:
                    self.obey(json.loads(line))

    # What the story says

    def obey(self, command):
        name = command["command"]
        if name == "start":
            self.peer, self.thread = command["with"], self.fresh()
            self.half = Alice(self.secret(), self.password)
            self.message(self.half.ask())
        elif name == "send":
            content = f"<body>{escape(command['text'])}</body>"
            self.message(self.session.seal(content, command.get("rekey", False)))
        elif name == "rekey":
            self.message(self.session.seal("", True))
        elif name == "password":
            self.password = command["password"].encode()
        elif name == "end":
            self.message(self.session.end())

    # What arrives

    def handle(self, stanza):
        if stanza.tag == f"{{{CLIENT}}}iq" and stanza.get("type") == "get":
            self.answer(stanza)
        elif stanza.tag == f"{{{CLIENT}}}presence" and stanza.get("type") == "subscribe":
            self.stream.send(f"<presence type='subscribed' to='{stanza.get('from')}'/>")
        elif stanza.tag == f"{{{CLIENT}}}message":
            self.hear(stanza)

    def answer(self, question):
        who = f"id='{question.get('id')}' to='{question.get('from')}'"
        query = "http://jabber.org/protocol/disco#info"
        if question.find(f"{{{query}}}query") is None:
            error = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
            return self.stream.send(f"<iq type='error' {who}>{error}</iq>")
        features = "".join(f"<feature var='{it}'/>" for it in (ESESSION, SSN, FEATURE))
        self.stream.send(f"<iq type='result' {who}><query xmlns='{query}'>{features}</query></iq>")

    def hear(self, message):
        if message.get("type") == "error":
            return tell("error", text=ET.tostring(message, encoding="unicode"))
        thread, sender = message.findtext(f"{{{CLIENT}}}thread"), message.get("from")
        form = message.find(f"{{{FEATURE}}}feature/{{{FORM}}}x")
        if form is None:
            form = message.find(f"{{{INIT}}}init/{{{FORM}}}x")
        c = message.find(f"{{{C}}}c")
        if form is not None:
            self.negotiate(form, sender, thread)
        elif c is not None:
            self.decrypt(c)
        elif message.findtext(f"{{{CLIENT}}}body"):
            tell("clear", text=message.findtext(f"{{{CLIENT}}}body"))

    def negotiate(self, form, sender, thread):
        kind = form.get("type")
        if kind == "form":
            self.peer, self.thread = sender, thread
            self.half = Bob(form, self.secret(), self.password)
            self.message(self.half.answer())
        elif thread != self.thread:
            return
        elif kind == "submit":
            self.peer = sender
            self.message(self.half.identify(form))
        elif self.half.role == "initiator":
            try:
                session = self.half.complete(form)
            except Broken as why:
                tell("refused", text=str(why))
                return self.refuse()
            self.establish(session)
        else:
            session, completion = self.half.identify(form)
            self.message(completion)
            self.establish(session)

    def establish(self, session):
        self.session, self.half = session, None
        self.retained[self.bare()] = session.retained.hex()
        with open(self.kept, "w") as kept:
            json.dump(self.retained, kept)
        told = {"sas": session.sas, "long": session.long, "chained": session.chained, "role": session.role}
        tell("session", **told, disclosure=session.disclosure, cipher=f"aes{session.bits}-ctr", **{"with": self.peer})

    def decrypt(self, c):
        inner = self.session.open(c)
        content = ET.fromstring(f"<m xmlns='{CLIENT}'>{inner}</m>")
        end = ending(content)
        if end == "submit":
            self.message(self.session.end("result"))
        if end:
            self.session.ended = True
            return tell("ended", acknowledged=end == "result")
        body = content.findtext(f"{{{CLIENT}}}body")
        if body is not None:
            tell("message", text=body, key=c.find(f"{{{C}}}key") is not None)

    # What it needs for that

    def message(self, payload):
        head = f"<message to='{self.peer}' id='{self.fresh()}'><thread>{self.thread}</thread>"
        self.stream.send(f"{head}{payload}</message>")

    def refuse(self):
        refusal = "<feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
        head = f"<message type='error' to='{self.peer}' id='{self.fresh()}'><thread>{self.thread}</thread>"
        self.stream.send(f"{head}<error type='cancel'>{refusal}</error></message>")

    def fresh(self):
        self.ids += 1
        return f"py{os.getpid()}-{self.ids}"

    def bare(self):
        return self.peer.split("/")[0]

    def secret(self):
        kept = self.retained.get(self.bare())
        return bytes.fromhex(kept) if kept else b""


def tell(event, **details):
    print(json.dumps({"event": event, **details}), flush=True)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--account", required=True, help="user@domain/resource")
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--kept", required=True, help="the file for retained secrets")
    given = arguments.parse_args()
    Client(given.account, os.environ["PEER_PASSWORD"], given.port, given.kept).run()

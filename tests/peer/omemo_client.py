"""An XMPP client with OMEMO, for the stories: slixmpp with slixmpp-omemo, which is of other people. Commands on standard input
and events on standard output, as JSON lines. No TLS: it is for a server on this machine.
"""

import argparse
import asyncio
import base64
import json
import os
import secrets
import ssl
import sys
import urllib.request
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import oldmemo
import oldmemo.etree
import omemo
import twomemo
import twomemo.etree
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from omemo.storage import Just, Nothing, Storage
from slixmpp import JID, ClientXMPP
from slixmpp.plugins import register_plugin
from slixmpp.xmlstream.handler import CoroutineCallback
from slixmpp.xmlstream.matcher import MatchXPath
from slixmpp_omemo import XEP_0384

OLDER, NEWER = oldmemo.oldmemo.NAMESPACE, twomemo.twomemo.NAMESPACE
SCE, CLIENT, RECEIPTS = "urn:xmpp:sce:1", "jabber:client", "urn:xmpp:receipts"
UPLOAD = "urn:xmpp:http:upload:0"
given = None


class Kept(Storage):
    """Everything in one file."""

    def __init__(self):
        super().__init__()
        self.values = json.load(open(given.kept)) if os.path.exists(given.kept) else {}

    async def _load(self, key):
        return Just(self.values[key]) if key in self.values else Nothing()

    async def _store(self, key, value):
        self.values[key] = value
        self.write()

    async def _delete(self, key):
        self.values.pop(key, None)
        self.write()

    def write(self):
        with open(given.kept + ".new", "w") as file:
            json.dump(self.values, file)
        os.replace(given.kept + ".new", given.kept)


class Omemo(XEP_0384):
    default_config = {"fallback_message": "encrypted"}

    @property
    def storage(self):
        return kept

    @property
    def _btbv_enabled(self):
        return True

    async def _prompt_manual_trust(self, devices, identifier):
        raise RuntimeError("nobody is here to ask")


register_plugin(Omemo)
created = omemo.SessionManager.create.__func__


async def create(manager, backends, *arguments, **more):
    """Only of the dialects that this client is to speak."""
    wanted = [backend for backend in backends if backend.namespace in given.speaks]
    return await created(manager, wanted, *arguments, **more)


omemo.SessionManager.create = classmethod(create)


class Client(ClientXMPP):
    def __init__(self):
        super().__init__(given.account, os.environ["PEER_PASSWORD"])
        self.enable_direct_tls = self.enable_starttls = False
        self.enable_plaintext = True
        for plugin in ("xep_0030", "xep_0060", "xep_0163", "xep_0280", "xep_0334"):
            self.register_plugin(plugin)
        if given.speaks:
            self.register_plugin("xep_0384", module=sys.modules[__name__])
        self.auto_authorize = self.auto_subscribe = True
        self.add_event_handler("session_start", self.start)
        self.add_event_handler("omemo_initialized", lambda _: tell("online"))
        # Its event `message` is for those with a body.
        self.register_handler(CoroutineCallback("every message", MatchXPath(f"{{{CLIENT}}}message"), self.hear))
        for dialect, name in ((OLDER, "oldmemo"), (NEWER, "twomemo")):
            told = lambda it, dialect=dialect: tell("devices", dialect=dialect, **{"from": it["from"].bare})
            self.add_event_handler(f"{name}_device_list_publish", told)
        self.add_event_handler("message_error", lambda it: tell("error", text=str(it)))
        self.add_event_handler("disconnected", lambda _: asyncio.get_event_loop().stop())

    async def start(self, _):
        self.send_presence()
        await self.get_roster()
        if not given.speaks:
            tell("online")
        self.obeying = asyncio.create_task(self.obey())

    async def obey(self):
        reader = asyncio.StreamReader(limit=2**20)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            try:
                await self.do(json.loads(line))
            except Exception as error:
                tell("failed", text=repr(error))
        self.disconnect()

    async def do(self, command):
        if command["command"] == "subscribe":
            self.send_presence_subscription(command["to"])
        elif command["command"] == "send":
            await self.say(command["to"], command.get("text"), command.get("id"), command.get("beside", ""))
        elif command["command"] == "share":
            await self.share(command["to"], base64.b64decode(command["octets"]), command["name"])
        elif command["command"] == "forget":
            # As a client does that was set back to an earlier day: its sessions are gone, its identity is not.
            kept.values = {key: value for key, value in kept.values.items() if command["with"] not in key}
            kept.write()

    async def share(self, to, octets, name):
        """As XEP-0454 has it."""
        key, iv = secrets.token_bytes(32), secrets.token_bytes(12)
        sealed = AESGCM(key).encrypt(iv, octets, None)
        question = self.make_iq_get(ito=f"upload.{self.boundjid.domain}")
        request = {"filename": name, "size": str(len(sealed)), "content-type": "application/octet-stream"}
        question.xml.append(ET.Element(f"{{{UPLOAD}}}request", request))
        slot = (await question.send()).xml.find(f"{{{UPLOAD}}}slot")
        put, get = (slot.find(f"{{{UPLOAD}}}{it}") for it in ("put", "get"))
        headers = {header.get("name"): header.text for header in put} | {"Content-Type": request["content-type"]}
        put = urllib.request.Request(put.get("url"), data=sealed, headers=headers, method="PUT")
        await asyncio.to_thread(web, put)
        await self.say(to, get.get("url").replace("https:", "aesgcm:") + "#" + (iv + key).hex(), None, "")

    async def fetch(self, url):
        address, secret = url.replace("aesgcm:", "https:").split("#")
        secret = bytes.fromhex(secret)
        sealed = await asyncio.to_thread(web, urllib.request.Request(address))
        tell("file", octets=base64.b64encode(AESGCM(secret[-32:]).decrypt(secret[:-32], sealed, None)).decode(), url=address)

    async def say(self, to, text, name, beside):
        """`beside`: elements for the same message, in its envelope if there is one."""
        to = JID(to)
        if not given.speaks:
            return self.say_in_clear(to, text, name or self.new_id(), beside)
        manager = await self.plugin["xep_0384"].get_session_manager()
        await self.plugin["xep_0384"].refresh_device_lists({to})
        name = name or self.new_id()
        envelope = (
            f"<envelope xmlns='{SCE}'><content>"
            + (f"<body xmlns='{CLIENT}'>{escape(text)}</body>" if text else "")
            + f"{beside}<request xmlns='{RECEIPTS}'/></content><rpad>abc</rpad><from jid='{self.boundjid.bare}'/>"
            + f"<to jid='{to.bare}'/></envelope>"
        )
        outer = [ET.Element(f"{{{RECEIPTS}}}request"), *ET.fromstring(f"<all>{beside}</all>")]
        if not text and NEWER not in given.speaks:
            # The older dialect seals bodies alone.
            message = self.make_message(mto=to, mtype="chat")
            message["id"] = name
            message.xml.extend(outer)
            message.send()
            return tell("sent", id=name, dialects=[])
        texts = {NEWER: envelope.encode(), OLDER: (text or "").encode()}
        texts = {namespace: text for namespace, text in texts.items() if namespace in given.speaks}
        messages, errors = await manager.encrypt(frozenset({to.bare}), texts, list(texts))
        if not messages:
            return tell("failed", text=f"for no device: {errors}")
        message = self.make_message(mto=to, mtype="chat", mbody="encrypted")
        message["id"] = name
        if OLDER in given.speaks:
            message.xml.extend(outer)
        for one in messages:
            etree = twomemo.etree if one.namespace == NEWER else oldmemo.etree
            message.xml.append(etree.serialize_message(one))
        message.send()
        tell("sent", id=name, dialects=[one.namespace for one in messages])

    def say_in_clear(self, to, text, name, beside):
        message = self.make_message(mto=to, mtype="chat", mbody=text)
        message["id"] = name
        message.xml.extend([ET.Element(f"{{{RECEIPTS}}}request"), *ET.fromstring(f"<all>{beside}</all>")])
        message.send()
        tell("sent", id=name, dialects=[])

    async def hear(self, message):
        sender = message["from"].bare
        if message["type"] in ("error", "headline"):
            return
        received = message.xml.find(f"{{{RECEIPTS}}}received")
        if received is not None:
            tell("receipt", id=received.get("id"), **{"from": sender})
        found = [(it, message.xml.find(f"{{{it}}}encrypted")) for it in (NEWER, OLDER) if it in given.speaks]
        found = [(namespace, element) for namespace, element in found if element is not None]
        if not found:
            if not given.speaks:
                self.heard(message, message["body"], None, message.xml)
            elif message["body"]:
                tell("clear", text=message["body"], **{"from": sender})
            return
        try:
            await self.open(message, sender, *found[0])
        except Exception as error:
            tell("failed", text=repr(error))

    async def open(self, message, sender, namespace, element):
        manager = await self.plugin["xep_0384"].get_session_manager()
        if namespace == NEWER:
            parsed = twomemo.etree.parse_message(element, sender)
        else:
            parsed = await oldmemo.etree.parse_message(element, sender, self.boundjid.bare, manager)
        text = (await manager.decrypt(parsed))[0]
        if text is None:
            return tell("empty", dialect=namespace, **{"from": sender})
        text = text.decode()
        wants = message.xml.find(f"{{{RECEIPTS}}}request") is not None
        if namespace == NEWER:
            envelope = ET.fromstring(text)
            assert envelope.find(f"{{{SCE}}}from").get("jid") == sender, "an envelope of somebody else"
            content = envelope.find(f"{{{SCE}}}content")
            text = content.findtext(f"{{{CLIENT}}}body")
            wants = content.find(f"{{{RECEIPTS}}}request") is not None
            received = content.find(f"{{{RECEIPTS}}}received")
            if len(content) == 1 and content[0].tag.endswith(("}composing", "}paused", "}displayed")):
                return tell("sign", name=content[0].tag.split("}")[1], **{"from": sender})
            if received is not None:
                return tell("receipt", id=received.get("id"), **{"from": sender})
        else:
            content = message.xml
        self.heard(message, text, namespace, content)
        if text and text.startswith("aesgcm://"):
            await self.fetch(text)
        if wants:
            receipt = self.make_message(mto=message["from"], mtype="chat")
            receipt.xml.append(ET.Element(f"{{{RECEIPTS}}}received", {"id": message["id"]}))
            receipt.send()

    def heard(self, message, text, namespace, content):
        beside = [ET.tostring(child, encoding="unicode") for child in content if not child.tag.endswith(("}encrypted", "}body"))]
        tell("message", text=text, id=message["id"], dialect=namespace, beside=beside, **{"from": message["from"].bare})


def web(request):
    """Our own server, whose certificate is of an authority that nobody else knows."""
    context = ssl.create_default_context(cafile=given.authority)
    with urllib.request.urlopen(request, context=context, timeout=30) as answer:
        return answer.read()


def tell(event, **details):
    print(json.dumps({"event": event, **details}), flush=True)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--account", required=True, help="user@domain/resource")
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--kept", required=True, help="the file for keys and sessions")
    arguments.add_argument("--speaks", nargs="*", default=[OLDER, NEWER], help="namespaces of OMEMO; with none, all goes in clear")
    arguments.add_argument("--authority", help="file of the authority of the server's certificate for the web")
    given = arguments.parse_args()
    kept = Kept()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    client = Client()
    client.plugin["feature_mechanisms"].unencrypted_plain = True
    client.connect("127.0.0.1", given.port)
    loop.run_forever()

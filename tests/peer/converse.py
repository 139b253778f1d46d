"""Converse.js in a headless Chromium, for the stories: what a person does is typed and clicked. Commands on standard input and
events on standard output, as JSON lines. Chromium is told through a pipe.
"""

import argparse
import asyncio
import base64
import functools
import hashlib
import http.server
import json
import os
import pathlib
import sys
import threading

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PAGE = """<!DOCTYPE html><meta charset="utf-8"><title>Converse</title>
<link rel="stylesheet" href="/converse.min.css">
<body><script>const given = %s;</script>
<script type="module" src="/converse.min.js"></script><script type="module" src="/peer.js"></script>"""
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run --no-default-browser-check "
    "--disable-background-networking --disable-component-update --disable-sync --disable-breakpad --disable-extensions "
    "--disable-background-timer-throttling --disable-renderer-backgrounding --remote-debugging-pipe --log-level=3"
).split()


class Files(http.server.SimpleHTTPRequestHandler):
    """Converse as it is packaged, and the two files that are ours."""

    def do_GET(self):
        if self.path not in ("/", "/peer.js"):
            return super().do_GET()
        page = self.path == "/"
        body = PAGE % settings if page else pathlib.Path(__file__).with_suffix(".js").read_text()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if page else "text/javascript")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class Browser:
    """Chromium, spoken to in the protocol of its developer tools: JSON, each ended by a zero octet."""

    async def start(self):
        ours, theirs = os.pipe(), os.pipe()  # what it reads, what it writes
        # It wants them as descriptors 3 and 4.
        script = f'exec 5<&{ours[0]} 6>&{theirs[1]}; exec 3<&5 4>&6 5<&- 6>&-; exec "$@"'
        flags = [*FLAGS, *trust(), f"--user-data-dir={given.kept}"]
        program = ["bash", "-c", script, "chromium", "chromium", *flags, "about:blank"]
        own = {"HOME": given.kept, "XDG_CONFIG_HOME": given.kept, "XDG_CACHE_HOME": given.kept}
        bus = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={given.kept}/none", "GSETTINGS_BACKEND": "memory"}
        self.process = await asyncio.create_subprocess_exec(
            *program,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sys.stderr,
            pass_fds=(ours[0], theirs[1]),
            env={**os.environ, **own, **bus},
        )
        os.close(ours[0])
        os.close(theirs[1])
        self.writing, self.asked, self.session = os.fdopen(ours[1], "wb", buffering=0), {}, None
        reader = asyncio.StreamReader(limit=2**26)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(theirs[0], "rb"))
        self.hearing = asyncio.create_task(self.hear(reader))
        target = (await self.ask("Target.getTargets"))["targetInfos"][0]["targetId"]
        self.session = (await self.ask("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        for method in ("Page.enable", "Runtime.enable"):
            await self.ask(method)
        await self.ask("Runtime.addBinding", name="tell")

    async def ask(self, method, **params):
        number = len(self.asked)
        self.asked[number] = asyncio.get_running_loop().create_future()
        request = {"id": number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        self.writing.write(json.dumps(request).encode() + b"\0")
        return await self.asked[number]

    async def hear(self, reader):
        try:
            while True:
                message = json.loads((await reader.readuntil(b"\0"))[:-1])
                if "id" in message:
                    answer = self.asked[message["id"]]
                    if "error" in message:
                        answer.set_exception(RuntimeError(message["error"]["message"]))
                    else:
                        answer.set_result(message["result"])
                elif message["method"] == "Runtime.bindingCalled":
                    print(message["params"]["payload"], flush=True)
                elif message["method"] == "Runtime.consoleAPICalled":
                    words = [str(it.get("value", it.get("description"))) for it in message["params"]["args"]]
                    words = [it for it in words if not it.startswith(("%c", "color:"))]
                    print("console:", *words, file=sys.stderr, flush=True)
                elif message["method"] == "Runtime.exceptionThrown":
                    print("exception:", wrong(message["params"]["exceptionDetails"]), file=sys.stderr, flush=True)
        except asyncio.IncompleteReadError:
            os._exit(1)  # Chromium is gone

    async def run(self, function, *arguments):
        """What a function of `peer` gives."""
        expression = f"peer.{function}({', '.join(map(json.dumps, arguments))})"
        answer = await self.ask("Runtime.evaluate", expression=expression, awaitPromise=True)
        if details := answer.get("exceptionDetails"):
            raise RuntimeError(wrong(details))
        return answer["result"]


def trust():
    """Chromium takes no authority from a file. It takes the fingerprint of a key."""
    if not given.authority:
        return []
    certificate = x509.load_pem_x509_certificate(pathlib.Path(given.authority).with_name("localhost.crt").read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return ["--ignore-certificate-errors-spki-list=" + base64.b64encode(hashlib.sha256(key).digest()).decode()]


def wrong(details):
    return details.get("exception", {}).get("description", details["text"])


async def do(browser, address, command):
    if command["command"] == "reload":
        await browser.ask("Page.navigate", url=address)
    elif command["command"] == "share":
        field = await browser.run("fileField", command["to"])
        await browser.ask("DOM.setFileInputFiles", objectId=field["objectId"], files=[command["file"]])
    else:
        does = {"send": "type", "correct": "retype"}[command["command"]]
        await browser.run(does, command["to"], command["text"])


async def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=given.converse))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    browser = Browser()
    await browser.start()
    await browser.ask("Page.navigate", url=address)
    reader = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            await do(browser, address, json.loads(line))
        except Exception as error:
            print(json.dumps({"event": "failed", "text": str(error)}), flush=True)
    browser.hearing.cancel()
    browser.session = None
    browser.writing.close()  # which ends it
    await browser.process.wait()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--converse", required=True, help="the folder `dist` of its package")
    arguments.add_argument("--account", required=True, help="user@domain/resource")
    arguments.add_argument("--websocket", required=True)
    arguments.add_argument("--kept", required=True, help="the folder for what the browser keeps")
    arguments.add_argument("--authority", help="file of the authority of the server's certificate for the web")
    arguments.add_argument("--speaks", nargs="+", required=True, help="namespaces of OMEMO")
    given = arguments.parse_args()
    about = {"jid": given.account, "password": os.environ["PEER_PASSWORD"], "websocket": given.websocket}
    settings = json.dumps({**about, "speaks": given.speaks})
    asyncio.run(main())

"""Gajim on a screen that nobody sees, for the stories. Runs in the Python that Gajim is installed for, and stands in it where a
person would: it types, presses, and reads. Commands on standard input and events on standard output, as JSON lines.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import traceback
from functools import partial
from pathlib import Path

ACCOUNT, TICK = "me", 100  # milliseconds
PROTECTIONS = ["OMEMO", "OpenPGP"]  # each a plugin
WELCOME, DONE, FAILED = 0, 2, 3  # pages of the assistant for OpenPGP


def tell(event, **details):
    print(json.dumps({"event": event, **details}), file=events, flush=True)


def isolate(home):
    """A home and a screen of its own, and nobody's bus."""
    (home / "temporary").mkdir(parents=True, exist_ok=True)
    for name, value in {
        "HOME": home,
        "TMPDIR": home / "temporary",
        "XDG_CONFIG_HOME": home / "config",
        "XDG_DATA_HOME": home / "data",
        "XDG_CACHE_HOME": home / "cache",
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={home}/none",
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={home}/none",
        "NO_AT_BRIDGE": 1,
        "GSETTINGS_BACKEND": "memory",
        "GIO_USE_NETWORK_MONITOR": "base",
        "GDK_BACKEND": "x11",
        "LC_ALL": "C.UTF-8",
    }.items():
        os.environ[name] = str(value)
    reading, writing = os.pipe()
    command = ["setpriv", "--pdeathsig", "KILL", "--", "Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    screen = subprocess.Popen(command, pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    if not number:
        sys.exit("Xvfb did not start")
    os.environ["DISPLAY"] = f":{number}"
    return screen


def settle():
    """What somebody sets up who has an account on a server on this machine."""
    from gajim.common import app, configpaths
    from gajim.common.settings import Settings

    configpaths.set_config_root(str(given.kept))
    configpaths.init()
    configpaths.create_paths()
    app.settings = settings = Settings()
    settings.init()
    for name in ("use_keyring", "check_for_update", "sounds_on", "show_notifications"):
        settings.set_app_setting(name, False)
    if ACCOUNT not in settings.get_accounts():
        settings.add_account(ACCOUNT)
    bare, _, resource = given.account.partition("/")
    name, _, domain = bare.partition("@")
    for name, value in {
        "name": name,
        "hostname": domain,
        "resource": resource,
        "password": os.environ["PEER_PASSWORD"],
        "use_custom_host": True,
        "custom_host": "127.0.0.1",
        "custom_port": given.port,
        "custom_type": "PLAIN",
        "confirm_unencrypted_connection": False,
        "active": True,
    }.items():
        settings.set_account_setting(ACCOUNT, name, value)
    for plugin in PROTECTIONS:
        settings.set_plugin_setting(plugin.lower(), "active", plugin == given.protection)
    settings.shutdown()


class Peer:
    def __init__(self):
        from gajim.common import app, ged
        from gi.repository import GLib

        self.app, self.glib, self.sent, self.heard = app, GLib, {}, b""
        for name in ("signed-in", "message-sent", "message-received", "message-updated", "receipt-received",
                     "message-not-sent", "message-error"):  # fmt: skip
            app.ged.register_event_handler(name, ged.POSTGUI, getattr(self, name.replace("-", "_")))
        GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, self.obey)

    def signed_in(self, _):
        # Its device is listed then: whoever writes to it before cannot know of it.
        self.when(self.listed, partial(tell, "online"))

    def listed(self):
        return not self.omemo or self.omemo.backend.is_own_device_published

    @property
    def omemo(self):
        return given.protection == "OMEMO" and self.app.get_client(ACCOUNT).get_module("OMEMO")

    def message_sent(self, event):
        if event.message:
            self.sent[event.message_id] = event.message
            tell("sent", text=event.message, id=event.message_id, to=str(event.jid))

    def message_received(self, event):
        if event.msgtxt and not event.properties.is_sent_carbon:
            kind = "message" if event.properties.is_encrypted else "clear"
            tell(kind, text=event.msgtxt, **{"from": str(event.jid)})
            if event.msgtxt.startswith("aesgcm://"):
                self.when(partial(self.stored, event.msgtxt), partial(self.tell_file, event.msgtxt))

    def message_updated(self, event):
        tell("updated", text=event.msgtxt, **{"from": str(event.jid)})

    def receipt_received(self, event):
        tell("receipt", text=self.sent.get(event.receipt_id), **{"from": str(event.jid)})

    def message_not_sent(self, event):
        tell("failed", text=str(event.error))

    def message_error(self, event):
        tell("error", text=self.sent.get(event.message_id), why=str(event.error))

    def obey(self, *_):
        heard = os.read(0, 2**16)
        if not heard:
            self.app.app.start_shutdown()
            return False
        *lines, self.heard = (self.heard + heard).split(b"\n")
        does = {"send": self.types, "correct": self.retypes, "share": self.shares, "choose": lambda _: tell("chosen")}
        for command in map(json.loads, lines):
            act = partial(does[command["command"]], command.get("text") or command.get("file"))
            self.when(self.open_chat(command["to"]), act)
        return True

    def when(self, holds, then):
        def look():
            if not holds():
                return True
            then()
            return False

        self.glib.timeout_add(TICK, look)

    def open_chat(self, jid):
        """Opens the chat and chooses the protection; what tells whether words can be sealed."""
        from nbxmpp.protocol import JID

        client = self.app.get_client(ACCOUNT)
        contact = client.get_module("Contacts").get_contact(jid)
        self.app.window.add_chat(ACCOUNT, JID.from_string(jid), "contact", select=True)
        if not self.omemo:
            return self.choose_openpgp(contact)
        contact.settings.set("encryption", given.protection)
        if not self.omemo.backend.get_devices(jid, without_self=True):
            self.omemo.request_devicelist(jid)
        return partial(self.omemo.backend.has_trusted_keys, jid)

    def choose_openpgp(self, contact):
        """The first time its assistant makes a key, and one has to choose once more."""
        from gi.repository import Gtk

        openpgp = self.app.get_client(ACCOUNT).get_module("OpenPGP")

        def is_ready():
            assistants = [it for it in Gtk.Window.list_toplevels() if isinstance(it, Gtk.Assistant)]
            for assistant in assistants:
                page = assistant.get_current_page()
                if page == WELCOME:
                    assistant.next_page()
                elif page == DONE:
                    assistant.destroy()
                elif page == FAILED:
                    raise RuntimeError(assistant.get_nth_page(page)._label.get_text())
            if not assistants:
                self.app.window.activate_action("set-encryption", self.glib.Variant("s", given.protection))
            is_chosen = contact.settings.get("encryption") == given.protection
            return is_chosen and any(key.has_pubkey for key in openpgp.get_keys(str(contact.jid)))

        return is_ready

    def types(self, text):
        box = self.app.window.get_chat_stack().get_message_action_box()
        box.msg_textview.get_buffer().set_text(text)
        self.app.window.activate_action("send-message", None)

    def retypes(self, text):
        self.app.window.activate_action("correct-message", None)
        self.types(text)

    def shares(self, path):
        """As if it was dropped on the window; Gajim asks once more."""
        self.app.window.activate_action("send-file", self.glib.Variant("as", [Path(path).as_uri()]))
        self.app.window.get_chat_stack().get_child_by_name("function")._confirm_button.clicked()

    def stored(self, uri):
        """What stands in an open chat for a file, once all of it is stored. What is not too long Gajim fetches by itself."""
        for it in self.app.preview_manager._previews.values():
            # Until then, the size is that of what was sealed.
            if it.uri == uri and it.orig_exists and it.orig_path.stat().st_size == it.file_size:
                return it

    def tell_file(self, uri):
        tell("file", url=uri, octets=base64.b64encode(self.stored(uri).orig_path.read_bytes()).decode())


def main():
    from gajim import gajim

    gajim._check_required_deps()
    settle()
    if given.authority:
        from gi.repository import Gio

        Gio.TlsBackend.get_default().set_default_database(Gio.TlsFileDatabase.new(given.authority))
    from gajim.gtk.application import GajimApplication

    class Application(GajimApplication):
        def _startup(self):
            try:
                super()._startup()
                self.peer = Peer()
            except Exception:  # of which the main loop would not hear
                traceback.print_exc()
                os._exit(1)

    # Not below `config`: the path of a socket of GnuPG's agent may be no longer than it is so.
    root = str(given.kept)
    levels = "gajim.p.omemo=DEBUG,gajim.p.openpgp=INFO,gajim.c.m.message=INFO,nbxmpp.stream=INFO"
    return Application().run(["gajim", "--config-path", root, "--loglevel", levels])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--account", required=True, help="user@domain/resource")
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--kept", type=Path, required=True, help="the folder for all that it keeps")
    arguments.add_argument("--protection", required=True, choices=PROTECTIONS)
    arguments.add_argument("--authority", help="file of the authority of the server's certificate for the web")
    given = arguments.parse_args()
    # What Gajim prints is none of our events.
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    screen = isolate(given.kept)
    try:
        status = main()
    finally:
        screen.terminate()
        for keyring in given.kept.glob("openpgp/*/private-keys-v1.d"):
            subprocess.run(["gpgconf", "--homedir", keyring.parent, "--kill", "all"], stdout=sys.stderr)
    sys.exit(status)

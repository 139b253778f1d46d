"""Adds to `clients.json` what Gajim 2.5 publishes and writes, with the library that it has, called as Gajim calls it
(`gajim/common/modules/openpgp.py`, `nbxmpp/modules/openpgp.py`):

    python3 -m venv venv && venv/bin/pip install pysequoia==0.1.35
    venv/bin/python gajim.py CERTIFICATE      # of bob.key, as octets: `Key::public_octets`
"""

import base64
import json
import pathlib
import sys
import time

import pysequoia as pys

OX = "urn:xmpp:openpgp:0"
# `JID.to_iri` of one that is no IRI.
JID, IRI = "gajim#1@example.org", "xmpp:gajim%231@example.org"

here = pathlib.Path(__file__).parent
made = int(time.time())
stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made))
own = pys.Cert.generate(IRI, profile=pys.Profile.RFC4880, validity_seconds=None)
bob = pys.Cert.from_bytes(pathlib.Path(sys.argv[1]).read_bytes())
assert "xmpp:bob@example.org" in set(map(str, bob.user_ids))
signcrypt = (
    f'<signcrypt xmlns="{OX}"><to jid="bob@example.org" /><time stamp="{stamp}" /><rpad>{"x" * 40}</rpad>'
    '<payload><body xmlns="jabber:client">Hello from Gajim &amp; &lt;friends&gt;</body>'
    '<active xmlns="http://jabber.org/protocol/chatstates" /></payload></signcrypt>'
)
message = pys.encrypt(
    signer=own.secrets.signer(), recipients=[bob, own], bytes=signcrypt.encode("utf8"), armor=False
)
fingerprint = own.fingerprint.upper()
octets = lambda it: base64.b64encode(it).decode()
clients = [it for it in json.loads((here / "clients.json").read_text()) if "Gajim" not in it["client"]]
clients.append({
    "client": "Gajim 2.5.0, by pysequoia 0.1.35",
    "jid": JID,
    "made": made,
    "list": f'<public-keys-list xmlns="{OX}"><pubkey-metadata v4-fingerprint="{fingerprint}" date="{stamp}" /></public-keys-list>',
    "pubkey": f'<pubkey xmlns="{OX}"><data>{octets(bytes(pys.Cert.from_bytes(bytes(own))))}</data></pubkey>',
    "message": f'<openpgp xmlns="{OX}">{octets(message)}</openpgp>',
    "text": "Hello from Gajim & <friends>",
})
(here / "clients.json").write_text(json.dumps(clients, indent=1) + "\n")

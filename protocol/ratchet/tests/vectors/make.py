"""Makes the vectors of this directory and of `../../../omemo/tests` with other people's libraries:

    python3 -m venv venv && venv/bin/pip install OMEMO==2.1.0 oldmemo[xml]==2.1.0 twomemo[xml]==2.1.0 omemo-dr==1.2.0
    venv/bin/python make.py

`oldmemo` and `twomemo` are of python-omemo, both ends of a conversation with all that is random written down, so that our
own ends must say the same octets. `omemo-dr` is what Gajim has, with a Double Ratchet as libsignal has it.
"""

import asyncio
import hashlib
import json
import pathlib
import xml.etree.ElementTree as ET

import oldmemo.etree
import oldmemo.oldmemo as old
import omemo_dr.ecc.curve as dr_curve
import twomemo.etree
import twomemo.twomemo as two
import x3dh
import x3dh.base_state
import xeddsa
from omemo.message import Message
from doubleratchet.recommended import diffie_hellman_ratchet_curve25519 as dh
from omemo_dr.identitykey import IdentityKey
from omemo_dr.identitykeypair import IdentityKeyPair
from omemo_dr.protocol.prekeywhispermessage import PreKeyWhisperMessage
from omemo_dr.protocol.whispermessage import WhisperMessage
from omemo_dr.sessionbuilder import SessionBuilder
from omemo_dr.sessioncipher import SessionCipher
from omemo_dr.state.prekeybundle import PreKeyBundle
from omemo_dr.state.prekeyrecord import PreKeyRecord
from omemo_dr.state.sessionrecord import SessionRecord
from omemo_dr.state.signedprekeyrecord import SignedPreKeyRecord


class Dice:
    """What is random for the end that acts, and a list of it."""

    def __init__(self, seed):
        self.seed, self.thrown, self.drawn = seed, 0, []

    def draw(self, count=32):
        octets = hashlib.shake_256(f"{self.seed} {self.thrown}".encode()).digest(count)
        self.thrown += 1
        self.drawn.append(octets.hex())
        return octets


now = None
x3dh.base_state.secrets = type("", (), {"token_bytes": lambda count: now.draw(count), "choice": lambda some: some[0]})
dh.DiffieHellmanRatchet._generate_priv = staticmethod(lambda: now.draw())
dr_curve.Curve._generate_private_key = staticmethod(lambda: dr_curve.curve.generate_private_key(now.draw()))


def clamped(secret):
    return bytes([secret[0] & 248, *secret[1:31], secret[31] & 127 | 64])


def positive(dice):
    """The secret of an identity whose Ed25519 form has the sign bit 0, as ours have."""
    while True:
        secret = clamped(dice.draw())
        if not xeddsa.priv_to_ed25519_pub(secret)[31] >> 7:
            return secret


def as_libsignal(secret, message, random):
    """With whichever sign the key has, written into the signature."""
    signature = bytearray(xeddsa.ed25519_priv_sign(secret, message, random))
    signature[63] |= xeddsa.priv_to_ed25519_pub(secret)[31] & 0x80
    return bytes(signature)


def xeddsa_vectors():
    for number in range(20):
        dice = Dice(f"xeddsa {number}")
        secret, random, key = clamped(dice.draw()), dice.draw(64), dice.draw()
        forced = xeddsa.priv_force_sign(secret, False)
        yield {
            "secret": secret.hex(),
            "curve": xeddsa.priv_to_curve25519_pub(secret).hex(),
            "edwards": xeddsa.curve25519_pub_to_ed25519_pub(xeddsa.priv_to_curve25519_pub(secret), False).hex(),
            "key": key.hex(),
            "libsignal": as_libsignal(secret, b"\x05" + key, random).hex(),
            "axolotl": xeddsa.ed25519_priv_sign(forced, b"\x05" + key, random).hex(),
            "omemo2": xeddsa.ed25519_priv_sign(forced, key, random).hex(),
        }


# Who seals how many texts, and which then come, in which turn sealed and at which place.
TALK = [
    ("alice", 1, [(0, 0)]),
    ("bob", 1, [(1, 0)]),
    ("alice", 3, [(2, 2), (2, 0), (2, 1)]),
    ("bob", 4, [(3, 3), (3, 1)]),
    ("alice", 3, [(4, 0), (4, 1)]),
    ("bob", 2, [(5, 1), (5, 0), (3, 0)]),
    ("bob", 60, [(6, 59), (6, 0), (6, 30)]),
    # The last one of the chain before comes late, and one before that.
    ("alice", 1, [(7, 0), (4, 2)]),
    ("bob", 1, [(8, 0), (3, 2)]),
]


class End:
    def __init__(self, module, state, dice):
        self.module, self.state, self.dice, self.ratchet = module, state, dice, None

    def names(self, sending):
        first, second = self.associated
        swapped = self.module is old and self.initiated != sending
        return second + first if swapped else first + second

    async def seal(self, text, peer):
        global now
        now, module = self.dice, self.module
        if self.ratchet is None:
            secret, associated, header = await self.state.get_shared_secret_active(peer.bundle)
            half = len(associated) // 2
            self.associated, self.initiated = (associated[:half], associated[half:]), True
            self.exchange = module.KeyExchangeImpl(header, peer.signed_id, peer.prekey_id)
            self.ratchet, message = await module.DoubleRatchetImpl.encrypt_initial_message(
                dh.DiffieHellmanRatchet,
                module.RootChainKDFImpl,
                module.MessageChainKDFImpl,
                module.DoubleRatchetImpl.MESSAGE_CHAIN_CONSTANT,
                1000,
                1000,
                module.AEADImpl,
                secret,
                peer.bundle.signed_pre_key,
                text,
                associated,
            )
        else:
            message = await self.ratchet.encrypt_message(text, self.names(True))
        octets, exchanges = message.ciphertext, getattr(self, "exchange", None) is not None
        if exchanges:
            octets = self.exchange.serialize(octets)
            octets = octets[0] if module is old else octets
        return octets, exchanges

    async def open(self, octets, exchanges, own):
        global now
        now, module = self.dice, self.module
        header = None
        if exchanges:
            parsed = module.KeyExchangeImpl.parse(octets, False) if module is old else module.KeyExchangeImpl.parse(octets)
            header, octets = parsed
        message = module.EncryptedKeyMaterialImpl.parse(octets, "", 0).encrypted_message
        if self.ratchet is not None:
            self.exchange = None
            return await self.ratchet.decrypt_message(message, self.names(False))
        header = header.header._replace(signed_pre_key=own.bundle.signed_pre_key, pre_key=own.prekey)
        secret, associated, signed = await self.state.get_shared_secret_passive(header)
        half = len(associated) // 2
        self.associated, self.initiated, self.exchange = (associated[:half], associated[half:]), False, None
        self.ratchet, text = await module.DoubleRatchetImpl.decrypt_initial_message(
            dh.DiffieHellmanRatchet,
            module.RootChainKDFImpl,
            module.MessageChainKDFImpl,
            module.DoubleRatchetImpl.MESSAGE_CHAIN_CONSTANT,
            1000,
            1000,
            module.AEADImpl,
            secret,
            signed.priv,
            message,
            associated,
        )
        return text


async def conversation(module, seed):
    global now

    class Published:
        pass

    ends, published = {}, {}
    for name in ("alice", "bob"):
        now = Dice(f"{seed} {name}")
        identity = positive(now)
        now.drawn.clear()
        state = module.StateImpl.create(
            x3dh.IdentityKeyFormat.ED_25519,
            x3dh.HashFunction.SHA_256,
            module.StateImpl.INFO,
            x3dh.identity_key_pair.IdentityKeyPairPriv(identity),
        )
        state.generate_pre_keys(1)
        own = published[name] = Published()
        own.secrets, own.identity = list(now.drawn), identity
        own.bundle, own.signed_id, own.prekey_id = state.bundle, 7, 2**31 - 1
        (own.prekey,) = own.bundle.pre_keys
        own.bundle = own.bundle._replace(pre_keys=[own.prekey])
        now.drawn.clear()
        ends[name] = End(module, state, now)
    steps, sealed = [], {}
    for turn, (speaker, count, order) in enumerate(TALK):
        other = "bob" if speaker == "alice" else "alice"
        for _ in range(count):
            text = hashlib.sha256(f"{seed} {len(steps)}".encode()).digest() + bytes(16 if module is two else 0)
            octets, exchanges = await ends[speaker].seal(text, published[other])
            sealed.setdefault(turn, []).append((text, octets, exchanges))
            steps.append({"seals": speaker, "text": text.hex(), "octets": octets.hex(), "exchange": exchanges})
        for when, at in order:
            text, octets, exchanges = sealed[when][at]
            assert await ends[other].open(octets, exchanges, published[other]) == text
            steps.append({"opens": other, "text": text.hex(), "octets": octets.hex(), "exchange": exchanges})
    bob = published["bob"]
    signed_secret, prekey_secret = bob.secrets
    return {
        "dialect": "axolotl" if module is old else "omemo2",
        "alice": {"identity": published["alice"].identity.hex(), "random": ends["alice"].dice.drawn},
        "bob": {"identity": bob.identity.hex(), "random": ends["bob"].dice.drawn},
        "bundle": {
            "identity": bob.bundle.identity_key.hex(),
            "signed_prekey_id": bob.signed_id,
            "signed_prekey": signed_secret,
            "signature": bob.bundle.signed_pre_key_sig.hex(),
            "prekey_id": bob.prekey_id,
            "prekey": prekey_secret,
        },
        "steps": steps,
    }


class Store:
    """What omemo-dr wants of its caller."""

    def __init__(self, identity, prekey, signed):
        self.identity, self.prekey, self.signed, self.record = identity, prekey, signed, SessionRecord()

    def __getattr__(self, name):
        answers = {
            "get_identity_key_pair": self.identity,
            "get_our_device_id": 4711,
            "is_trusted_identity": True,
            "load_pre_key": self.prekey,
            "load_signed_pre_key": self.signed,
            "load_session": self.record,
            "contains_session": True,
        }
        return lambda *_: answers.get(name)


def gajim():
    """One end is omemo-dr; the other is ours, whose answers are not known here. So Gajim's end talks to itself."""
    global now
    stores, dice = {}, {}
    for name in ("alice", "bob"):
        now = dice[name] = Dice(f"gajim {name}")
        pair = dr_curve.Curve.generate_key_pair()
        identity = IdentityKeyPair.new(IdentityKey(pair.get_public_key()), pair.get_private_key())
        signed, prekey = dr_curve.Curve.generate_key_pair(), dr_curve.Curve.generate_key_pair()
        signature = dr_curve.curve.calculate_signature(
            now.draw(64), pair.get_private_key().get_private_key(), signed.get_public_key().serialize()
        )
        stores[name] = Store(identity, PreKeyRecord.new(9, prekey), SignedPreKeyRecord.new(8, 0, signed, signature))
    secrets = dice["bob"].drawn[:3]
    bob = stores["bob"]
    now = dice["alice"]
    bundle = PreKeyBundle(
        1,
        "eu.siacs.conversations.axolotl",
        9,
        bob.prekey.get_key_pair().get_public_key(),
        8,
        bob.signed.get_key_pair().get_public_key(),
        bob.signed.get_signature(),
        bob.identity.get_public_key(),
    )
    SessionBuilder(stores["alice"], "bob", 1).process_pre_key_bundle(bundle)
    ciphers = {"alice": SessionCipher(stores["alice"], "bob", 1), "bob": SessionCipher(bob, "alice", 1)}
    identity = dice["alice"].drawn[0]
    for one in dice.values():
        one.drawn.clear()
    steps, sealed = [], {}
    for turn, (speaker, count, order) in enumerate(TALK):
        other = "bob" if speaker == "alice" else "alice"
        for _ in range(count):
            now = dice[speaker]
            text = hashlib.sha256(f"gajim {len(steps)}".encode()).digest()
            message = ciphers[speaker].encrypt(text)
            exchanges = isinstance(message, PreKeyWhisperMessage)
            sealed.setdefault(turn, []).append((text, message.serialize(), exchanges))
            step = {"seals": speaker, "text": text.hex(), "octets": message.serialize().hex(), "exchange": exchanges}
            steps.append(step)
        for when, at in order:
            now = dice[other]
            text, octets, exchanges = sealed[when][at]
            kind = PreKeyWhisperMessage if exchanges else WhisperMessage
            cipher = ciphers[other]
            opened = (cipher.decrypt_pkmsg if exchanges else cipher.decrypt_msg)(kind.from_bytes(octets))
            assert opened == text
            steps.append({"opens": other, "text": text.hex(), "octets": octets.hex(), "exchange": exchanges})
    return {
        "dialect": "axolotl",
        "alice": {"identity": identity, "random": dice["alice"].drawn},
        "bob": {"identity": secrets[0], "random": dice["bob"].drawn},
        "bundle": {
            "identity": bob.identity.get_public_key().serialize().hex(),
            "signed_prekey_id": 8,
            "signed_prekey": secrets[1],
            "signature": bob.signed.get_signature().hex(),
            "prekey_id": 9,
            "prekey": secrets[2],
        },
        "steps": steps,
    }


ENVELOPE = (
    "<envelope xmlns='urn:xmpp:sce:1'><content><body xmlns='jabber:client'>Hello Bob</body></content>"
    "<rpad>abcdef</rpad><from jid='alice@example.org'/></envelope>"
)


async def stanza(module):
    """What Bob's device publishes, and a message to it and to another."""
    global now
    now = Dice(f"stanza {module.NAMESPACE}")
    etree = oldmemo.etree if module is old else twomemo.etree
    alice, bob = ends = [End(module, None, now), End(module, None, now)]
    published = []
    for end in ends:
        identity = positive(now)
        now.drawn.clear()
        end.state = module.StateImpl.create(
            x3dh.IdentityKeyFormat.ED_25519,
            x3dh.HashFunction.SHA_256,
            module.StateImpl.INFO,
            x3dh.identity_key_pair.IdentityKeyPairPriv(identity),
        )
        end.state.generate_pre_keys(1)
        published.append([identity.hex(), *now.drawn])
    bundle, ((prekey,),) = bob.state.bundle, [bob.state.bundle.pre_keys]
    published_bundle = module.BundleImpl("bob@example.org", 31415, bundle, 7, {prekey: 2**31 - 1})
    plain = ENVELOPE if module is two else "Hello Bob"
    backend = old.Oldmemo if module is old else two.Twomemo
    content, key = await backend.encrypt_plaintext(None, plain.encode())
    peer = type("", (), {"bundle": bundle._replace(pre_keys=[prekey]), "signed_id": 7, "prekey_id": 2**31 - 1})
    keys = key.key + key.auth_tag
    first, _ = await alice.seal(keys, peer)
    exchange = alice.exchange
    second = await alice.ratchet.encrypt_message(keys, alice.names(True))
    materials = [(second, 31415, exchange), (second, 27183, None)]
    keys = [(module.EncryptedKeyMaterialImpl("bob@example.org", to, what), how) for what, to, how in materials]
    message = Message(module.NAMESPACE, "alice@example.org", 12345, content, keys)
    empty = Message(module.NAMESPACE, "alice@example.org", 12345, module.ContentImpl.make_empty(), keys[:1])
    text = lambda element: ET.tostring(element, encoding="unicode")
    return {
        "dialect": "axolotl" if module is old else "omemo2",
        "alice": published[0][0],
        "bob": published[1],
        "devices": text(etree.serialize_device_list({31415: None, 27183: None})),
        "bundle": text(etree.serialize_bundle(published_bundle)),
        "message": text(etree.serialize_message(message)),
        "empty": text(etree.serialize_message(empty)),
        "text": plain,
    }


def write(name, value):
    path = pathlib.Path(__file__).parent / name
    path.write_text(json.dumps(value, indent=1) + "\n")


write("xeddsa.json", list(xeddsa_vectors()))
write("oldmemo.json", [asyncio.run(conversation(old, f"old {number}")) for number in range(2)])
write("twomemo.json", [asyncio.run(conversation(two, f"two {number}")) for number in range(2)])
write("omemo-dr.json", [gajim()])
write("../../../omemo/tests/vectors/python-omemo.json", [asyncio.run(stanza(module)) for module in (old, two)])

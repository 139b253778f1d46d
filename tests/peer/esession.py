"""ESessions as XEP-0116, 0188 and 0200 have them, in Python: made from the documents for the stories, so that something else
than our own crate has the last word on what the crate does. It knows nothing of what we add to them, and what it does not
need (other groups, public keys, offline sessions) it does not have. Not for use: nothing here is constant-time or wiped.
"""

import base64
import hashlib
import hmac
import secrets
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

FEATURE = "http://jabber.org/protocol/feature-neg"
FORM = "jabber:x:data"
SSN = "urn:xmpp:ssn"
ESESSION = "http://www.xmpp.org/extensions/xep-0116.html#ns"
INIT = "http://www.xmpp.org/extensions/xep-0116.html#ns-init"
C = "http://www.xmpp.org/extensions/xep-0200.html#ns"
DIGITS = "acdefghikmopqruvwxy123456789"


class Broken(Exception):
    """The other end has done what it must not."""


def demand(true, what):
    if not true:
        raise Broken(what)


# Numbers and hashes (XEP-0116, section 2)


def pi_shifted(bits):
    """floor(2^bits * pi), by Machin's formula."""
    guard = 64
    one = 1 << (bits + guard)

    def arctan_inverse(x):
        term = total = one // x
        n, sign = 3, -1
        while term:
            term //= x * x
            total += sign * (term // n)
            n, sign = n + 2, -sign
        return total

    return (4 * (4 * arctan_inverse(5) - arctan_inverse(239))) >> guard


# RFC 3526, section 3: the 2048-bit group, number 14.
P = 2**2048 - 2**1984 - 1 + 2**64 * (pi_shifted(1918) + 124476)


def mpi(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def b64(octets):
    return base64.b64encode(octets).decode()


def unb64(text):
    return base64.b64decode(text.strip(), validate=True)


def private():
    return 2**255 + 1 + secrets.randbelow(2**511)


def public(text):
    number = int.from_bytes(unb64(text), "big")
    demand(1 < number < P - 1, "a public value that is none")
    return number


def base28(digest, count):
    number, code = int.from_bytes(digest, "big"), ""
    for _ in range(count):
        number, digit = divmod(number, 28)
        code = DIGITS[digit] + code
    return code


class Stream:
    """One direction: its keys and where its counter stands."""

    def __init__(self, cipher, mac_key, counter, bits):
        self.cipher, self.mac, self.counter, self.bits = cipher[-bits // 8 :], mac_key, counter, bits

    def crypt(self, text):
        start = self.counter.to_bytes(16, "big")
        self.advance((len(text) + 15) // 16)
        coder = Cipher(algorithms.AES(self.cipher), modes.CTR(start)).encryptor()
        return coder.update(text) + coder.finalize()

    def advance(self, blocks):
        self.counter = (self.counter + blocks) % 2**128


def negotiated(shared, role, counter, bits):
    """The stream of a role after a negotiation, and its SIGMA key."""
    key = lambda name: mac(shared, f"{role} {name} Key".encode())
    return Stream(key("Cipher"), key("MAC"), counter, bits), key("SIGMA")


# Forms (XEP-0116, section 8 about normalization)


def normal(form, without=()):
    """What MACs cover of a form: its fields, spelled in one way."""

    def spelled(element):
        name = element.tag.split("}")[-1]
        attributes = "".join(f" {key}={quoteattr(value)}" for key, value in sorted(element.attrib.items()))
        inner = "".join(map(spelled, element)) if len(element) else escape(element.text or "")
        return f"<{name}{attributes}>{inner}</{name}>"

    return "".join(spelled(field) for field in form if field.get("var") not in without).encode()


def fields(form):
    """The values of each field; of a list in a request, its options."""
    found = {}
    for field in form.findall(f"{{{FORM}}}field"):
        options = field.findall(f"{{{FORM}}}option/{{{FORM}}}value")
        values = options or field.findall(f"{{{FORM}}}value")
        found[field.get("var")] = [value.text or "" for value in values]
    return found


def only(found, name):
    demand(len(found.get(name, [])) == 1, f"no single {name}")
    return found[name][0]


def value_field(name, *values):
    return f'<field var="{name}">' + "".join(f"<value>{escape(it)}</value>" for it in values) + "</field>"


def list_field(name, *options, kind="list-single"):
    inner = "".join(f"<option><value>{escape(it)}</value></option>" for it in options)
    return f'<field type="{kind}" var="{name}">{inner}</field>'


def form(kind, *parts):
    return ET.fromstring(f'<x xmlns="{FORM}" type="{kind}">{"".join(parts)}</x>')


def carried(text_of_form, wrapper="feature", namespace=FEATURE):
    return f'<{wrapper} xmlns="{namespace}">{text_of_form}</{wrapper}>'


def text(form):
    return f'<x xmlns="{FORM}" type="{form.get("type")}">{normal(form).decode()}</x>'


# Negotiation (XEP-0116, section 4)


class Secrets:
    """Retained secrets, one for each bare JID."""

    def __init__(self):
        self.known = {}

    def of(self, peer):
        return self.known.get(peer)


class Alice:
    """The end that asks."""

    role = "initiator"

    def __init__(self, retained, password):
        self.retained, self.password = retained, password
        self.x, self.nonce = private(), secrets.token_bytes(16)
        self.e = pow(2, self.x, P)
        self.request = form(
            "form",
            '<field type="hidden" var="FORM_TYPE"><value>urn:xmpp:ssn</value></field>',
            '<field type="boolean" var="accept"><value>1</value><required/></field>',
            list_field("logging", "may"),
            list_field("disclosure", "never", "disabled", "enabled"),
            list_field("security", "e2e"),
            list_field("modp", "14"),
            list_field("crypt_algs", "aes256-ctr", "aes128-ctr"),
            list_field("hash_algs", "sha256"),
            list_field("compress", "none"),
            list_field("stanzas", "message", kind="list-multi"),
            list_field("init_pubkey", "none"),
            list_field("resp_pubkey", "none"),
            list_field("ver", "1.0"),
            '<field type="text-single" var="rekey_freq"><value>1</value></field>',
            list_field("sas_algs", "sas28x5"),
            f'<field type="hidden" var="my_nonce"><value>{b64(self.nonce)}</value></field>',
            f'<field type="hidden" var="dhhashes"><value>{b64(sha256(mpi(self.e)))}</value></field>',
        )

    def ask(self):
        return carried(text(self.request))

    def identify(self, response):
        """Message 3, for message 2."""
        found, offered = fields(response), fields(self.request)
        demand(unb64(only(found, "nonce")) == self.nonce, "another nonce")
        for name in ["modp", "crypt_algs", "hash_algs", "compress", "init_pubkey", "resp_pubkey", "ver", "sas_algs", "security"]:
            demand(only(found, name) in offered[name], f"{name} was not offered")
        self.bits = int(only(found, "crypt_algs")[3:6])
        self.disclosure = found.get("disclosure", ["?"])[0]
        d = public(only(found, "dhkeys"))
        self.d, self.their_nonce, self.response = d, unb64(only(found, "my_nonce")), response
        counter = int.from_bytes(unb64(only(found, "counter")), "big")
        self.k = sha256(mpi(pow(d, self.x, P)))
        self.out, sigma = negotiated(self.k, "Initiator", counter, self.bits)
        hashes = [secrets.token_bytes(32)]
        if self.retained:
            hashes.append(mac(self.nonce, self.retained))
        part = [
            value_field("FORM_TYPE", SSN),
            value_field("accept", "1"),
            value_field("nonce", b64(self.their_nonce)),
            value_field("dhkeys", b64(mpi(self.e))),
            value_field("rshashes", *map(b64, hashes)),
        ]
        covered = normal(form("result", *part))
        request = normal(self.request)
        proof = mac(sigma, self.their_nonce, self.nonce, mpi(self.e), request, covered)
        identity = self.out.crypt(proof)
        m_a = mac(self.out.mac, mpi(counter), identity)
        self.counter_b = counter ^ 2**127
        self.sas = base28(sha256(m_a, normal(response), b"Short Authentication String")[-3:], 5)
        self.long = long_code(request, normal(response), self.e)
        last = [value_field("identity", b64(identity)), value_field("mac", b64(m_a))]
        return carried(text(form("result", *part, *last)))

    def complete(self, completion):
        """The session, for message 4."""
        found = fields(completion)
        demand(unb64(only(found, "nonce")) == self.nonce, "another nonce")
        chained = bool(self.retained) and unb64(only(found, "srshash")) == mac(self.retained, b"Shared Retained Secret")
        k = sha256(self.k, self.retained if chained else b"", self.password)
        out, _ = negotiated(k, "Initiator", self.out.counter, self.bits)
        back, sigma = negotiated(k, "Responder", self.counter_b, self.bits)
        covered = [normal(self.response), normal(completion, ("identity", "mac"))]
        expected = mac(sigma, self.nonce, self.their_nonce, mpi(self.d), *covered)
        check_identity(back, found, expected)
        return Session(k, out, back, self.x, self.d, chained, self)


class Bob:
    """The end that is asked."""

    role = "responder"

    def __init__(self, request, retained, password):
        self.retained, self.password, self.request = retained, password, request
        offered = fields(request)
        for name, wanted in [("security", "e2e"), ("modp", "14"), ("hash_algs", "sha256"), ("compress", "none")]:
            demand(wanted in offered[name], f"no {wanted} in {name}")
        demand("sas28x5" in offered["sas_algs"] and "1.0" in offered["ver"], "not for me")
        cipher = next(it for it in ("aes256-ctr", "aes128-ctr") if it in offered["crypt_algs"])
        self.bits = int(cipher[3:6])
        self.disclosure = offered.get("disclosure", ["?"])[0]
        self.commitment = unb64(offered["dhhashes"][offered["modp"].index("14")])
        self.their_nonce, self.nonce = unb64(only(offered, "my_nonce")), secrets.token_bytes(16)
        self.y = private()
        self.d = pow(2, self.y, P)
        self.counter = secrets.randbits(126) | 2**126
        choice = {
            "accept": "1",
            "security": "e2e",
            "modp": "14",
            "crypt_algs": cipher,
            "hash_algs": "sha256",
            "compress": "none",
            "stanzas": "message",
            "init_pubkey": "none",
            "resp_pubkey": "none",
            "ver": "1.0",
            "rekey_freq": only(offered, "rekey_freq"),
            "sas_algs": "sas28x5",
            "logging": "may",
            "disclosure": self.disclosure,
        }
        if "sign_algs" in offered:
            choice["sign_algs"] = offered["sign_algs"][0]
        parts = [value_field("FORM_TYPE", SSN)]
        parts += [value_field(name, choice[name]) for name in offered if name in choice]
        parts += [
            value_field("my_nonce", b64(self.nonce)),
            value_field("dhkeys", b64(mpi(self.d))),
            value_field("nonce", b64(self.their_nonce)),
            value_field("counter", b64(mpi(self.counter))),
        ]
        self.response = form("submit", *parts)

    def answer(self):
        return carried(text(self.response))

    def identify(self, identification):
        """The session and message 4, for message 3."""
        found = fields(identification)
        demand(unb64(only(found, "nonce")) == self.nonce, "another nonce")
        e = public(only(found, "dhkeys"))
        demand(sha256(mpi(e)) == self.commitment, "another e")
        k = sha256(mpi(pow(e, self.y, P)))
        back, sigma = negotiated(k, "Initiator", self.counter, self.bits)
        covered = [normal(self.request), normal(identification, ("identity", "mac"))]
        expected = mac(sigma, self.nonce, self.their_nonce, mpi(e), *covered)
        m_a = check_identity(back, found, expected)
        self.sas = base28(sha256(m_a, normal(self.response), b"Short Authentication String")[-3:], 5)
        self.long = long_code(normal(self.request), normal(self.response), e)
        shown = map(unb64, found["rshashes"])
        chained = bool(self.retained) and mac(self.their_nonce, self.retained) in shown
        k = sha256(k, self.retained if chained else b"", self.password)
        back, _ = negotiated(k, "Initiator", back.counter, self.bits)
        counter = self.counter ^ 2**127
        out, sigma = negotiated(k, "Responder", counter, self.bits)
        shared = mac(self.retained, b"Shared Retained Secret") if chained else secrets.token_bytes(32)
        part = [value_field("FORM_TYPE", SSN), value_field("nonce", b64(self.their_nonce)), value_field("srshash", b64(shared))]
        covered = normal(form("result", *part))
        identity = out.crypt(mac(sigma, self.their_nonce, self.nonce, mpi(self.d), normal(self.response), covered))
        m_b = mac(out.mac, mpi(counter), identity)
        last = [value_field("identity", b64(identity)), value_field("mac", b64(m_b))]
        session = Session(k, out, back, self.y, e, chained, self)
        return session, carried(text(form("result", *part, *last)), "init", INIT)


def long_code(request, response, e):
    """Not of the documents: Drawbridge's own long code, which cannot be searched as sas28x5 can."""
    digest = sha256(b"ESession Committed Authentication String", request, response, mpi(e))
    code = base28(digest[-16:], 16)
    return "-".join(code[place : place + 4] for place in range(0, 16, 4))


def check_identity(stream, found, expected):
    identity, shown = unb64(only(found, "identity")), unb64(only(found, "mac"))
    demand(shown == mac(stream.mac, mpi(stream.counter), identity), "the mac of the identity is wrong")
    demand(stream.crypt(identity) == expected, "the proof is wrong")
    return shown


# Stanzas (XEP-0200)


class Session:
    """A session that stands, with the keys of both directions; of the receiving one there may be several."""

    def __init__(self, k, out, back, own, theirs, chained, end):
        self.out, self.counter = out, back.counter
        self.sets = [{"cipher": back.cipher, "mac": back.mac, "private": own}]
        self.theirs, self.bits = theirs, end.bits
        self.chained, self.retained = chained, mac(k, b"New Retained Secret")
        self.sas, self.long, self.role, self.disclosure = end.sas, end.long, end.role, end.disclosure
        self.new, self.ended = 0, False

    def seal(self, content, rekey=False):
        counter, parts = self.out.counter, ""
        if content:
            parts += f"<data>{b64(self.out.crypt(content.encode()))}</data>"
        else:
            self.out.advance(1)
        if self.new:
            parts += f"<new>{self.new}</new>"
        if rekey:
            own = private()
            parts += f"<key>{b64(mpi(pow(2, own, P)))}</key>"
        tag = b64(mac(self.out.mac, parts.encode(), mpi(counter)))
        self.new = 0
        if rekey:
            k = mpi(pow(self.theirs, own, P))
            self.sending(k, "Initiator")
            accepting = self.keys(k, "Acceptor")
            self.sets.append({"cipher": accepting[0], "mac": accepting[1], "private": own})
        return f'<c xmlns="{C}">{parts}<mac>{tag}</mac></c>'

    def open(self, c):
        """The content of a <c/>."""
        demand(not self.ended, "something came after the end")
        children = {child.tag.split("}")[-1]: child.text or "" for child in c}
        new = int(children.get("new", "0"))
        demand(new < len(self.sets), "new keys that were never sent")
        keys = self.sets[new]
        named = [(child.tag.split("}")[-1], child.text or "") for child in c]
        covered = "".join(f"<{name}>{inner}</{name}>" for name, inner in named if name != "mac")
        expected = mac(keys["mac"], covered.encode(), mpi(self.counter))
        demand(unb64(children["mac"]) == expected, "the mac of a stanza is wrong")
        del self.sets[:new]
        stream = Stream(keys["cipher"], keys["mac"], self.counter, self.bits)
        content = b""
        if "data" in children:
            content = stream.crypt(unb64(children["data"]))
        else:
            stream.advance(1)
        self.counter = stream.counter
        if "key" in children:
            self.theirs = public(children["key"])
            k = mpi(pow(self.theirs, self.sets[0]["private"], P))
            cipher, mac_key = self.keys(k, "Initiator")
            for each in self.sets:
                each.update(cipher=cipher, mac=mac_key)
            if len(self.sets) == 1:
                self.sending(k, "Acceptor")
            self.new += 1
        return content.decode()

    def sending(self, k, role):
        cipher, mac_key = self.keys(k, role)
        self.out = Stream(cipher, mac_key, self.out.counter, self.bits)

    def keys(self, k, role):
        cipher, mac_key = (mac(k, f"Rekey {role} {name}".encode()) for name in ("Crypt", "MAC"))
        return cipher[-self.bits // 8 :], mac_key

    def end(self, kind="submit"):
        """The stanza that ends the session; `result` answers that of the other end."""
        self.ended = kind == "result"
        last = form(kind, value_field("FORM_TYPE", SSN), value_field("terminate", "1"))
        return self.seal(carried(text(last)))


def ending(content):
    """What kind of end this content is, if any."""
    found = [it for it in content if it.tag == f"{{{FEATURE}}}feature"]
    if not found:
        return None
    inner = found[0].find(f"{{{FORM}}}x")
    return inner.get("type") if "terminate" in fields(inner) else None

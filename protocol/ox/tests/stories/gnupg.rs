//! GnuPG 2.2, which Profanity and Libervia have inside: it reads what is written here, and writes what is read here. It
//! has a home of its own each time, and it is always the same morning there.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use openpgp_xmpp::{Certificate, Refusal, SKEW, seal};
use tempfile::TempDir;

use crate::dice::Dice;
use crate::world::*;

struct GnuPg(TempDir);

impl GnuPg {
    /// With a key of Alice's, which has a subkey for encryption, and Bob's certificate.
    fn with(algorithm: &str, subkey: &str) -> Self {
        let gpg = Self::with_primary(algorithm, "cert,sign");
        gpg.run(&["--quick-add-key", &gpg.fingerprint(), subkey, "encr", "never"], b"");
        gpg
    }

    /// The same, for this alone.
    fn with_primary(algorithm: &str, usage: &str) -> Self {
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        let gpg = Self(tempfile::Builder::new().permissions(private).tempdir().unwrap());
        gpg.run(&["--quick-gen-key", &format!("xmpp:{ALICE}"), algorithm, usage, "never"], b"");
        gpg.run(&["--import"], &bob().public_octets());
        gpg
    }

    /// What it writes, and what it says of it to programs.
    fn run(&self, arguments: &[&str], input: &[u8]) -> (Vec<u8>, String) {
        let (written, said, is_well) = self.try_run(arguments, input);
        assert!(is_well, "{arguments:?}: {said}");
        (written, said)
    }

    fn try_run(&self, arguments: &[&str], input: &[u8]) -> (Vec<u8>, String, bool) {
        let always = ["--batch", "--yes", "--no-tty", "--passphrase", "", "--pinentry-mode", "loopback"];
        let mut child = Command::new("gpg")
            .arg("--homedir")
            .arg(self.home())
            .args(always)
            .args(["--faked-system-time", "20270115T080000!", "--trust-model", "always", "--status-fd", "2"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tests/setup installs gpg");
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned(), output.status.success())
    }

    fn home(&self) -> &Path {
        self.0.path()
    }

    fn fingerprint(&self) -> String {
        let (list, _) = self.run(&["--list-secret-keys", "--with-colons"], b"");
        let list = String::from_utf8(list).unwrap();
        let line = list.lines().find(|line| line.starts_with("fpr")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    fn certificate(&self) -> Certificate {
        let (octets, _) = self.run(&["--export", &format!("xmpp:{ALICE}")], b"");
        Certificate::read(&octets, ALICE, NOW).unwrap()
    }

    /// A message of Alice's to Bob and herself.
    fn signcrypt(&self, options: &[&str]) -> Vec<u8> {
        let bob = bob().fingerprint().to_string();
        let alice = self.fingerprint();
        let to = ["--recipient", &bob, "--recipient", &alice, "--local-user", &alice, "--sign", "--encrypt"];
        self.run(&[options, &to].concat(), content().as_bytes()).0
    }
}

impl Drop for GnuPg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(self.home()).args(["--kill", "all"]).status();
    }
}

#[test]
fn what_gnupg_signs_and_encrypts_is_read_with_keys_of_each_kind() {
    let kinds = [("ed25519", "cv25519"), ("rsa2048", "rsa2048"), ("nistp256", "nistp256"), ("nistp384", "nistp521")];
    let gpgs = kinds.map(|(algorithm, subkey)| (algorithm, GnuPg::with(algorithm, subkey)));
    // Gajim of Debian 12 has GnuPG make such a one.
    let alone = ("rsa3072", GnuPg::with_primary("rsa3072", "cert,sign,encr"));
    for (algorithm, gpg) in gpgs.into_iter().chain([alone]) {
        let alice = gpg.certificate();
        assert_eq!(alice.fingerprint().to_string(), gpg.fingerprint());
        let opened = read_by(&element(&gpg.signcrypt(&[])), std::slice::from_ref(&alice)).unwrap();
        assert_eq!((opened.payload, opened.time), (vec![body("Hello")], NOW), "{algorithm}");
        assert_eq!(opened.signer, alice.fingerprint());

        let element = seal(&bob(), &[alice], &[body("Hello Alice")], NOW, &mut Dice(7)).unwrap();
        let (text, said) = gpg.run(&["--decrypt"], &octets(&element));
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("<body xmlns='jabber:client'>Hello Alice</body>"), "{text}");
        assert!(text.contains(&format!("<to jid='{ALICE}'/><time stamp='2027-01-15T08:00:00Z'/>")), "{text}");
        for word in ["DECRYPTION_OKAY", "GOODMDC", "GOODSIG", &format!("VALIDSIG {}", bob().fingerprint())] {
            assert!(said.contains(&format!("[GNUPG:] {word}")), "{algorithm}, {word}: {said}");
        }
    }
}

#[test]
fn what_gnupg_can_do_otherwise_is_read_if_it_is_safe() {
    let gpg = GnuPg::with("ed25519", "cv25519");
    let alice = [gpg.certificate()];
    for options in [
        &["--compress-algo", "zlib"][..],
        &["--compress-algo", "zip"],
        &["--compress-algo", "none"],
        &["--throw-keyids"],
        &["--cipher-algo", "AES"],
        &["--cipher-algo", "AES192"],
        &["--digest-algo", "SHA512"],
        &["--textmode"],
        &["--set-filename", "signcrypt.xml"],
    ] {
        assert!(read_by(&element(&gpg.signcrypt(options)), &alice).is_ok(), "{options:?}");
    }
    for (options, why) in [
        (&["--cipher-algo", "CAST5"][..], Refusal::Damaged),
        (&["--compress-algo", "bzip2"], Refusal::Malformed("compression")),
        (&["--digest-algo", "SHA1"], Refusal::OtherSigner),
        // As of before 2000, without a modification detection code.
        (&["--rfc2440"], Refusal::Unprotected),
    ] {
        let options = [options, &["--allow-weak-digest-algos"]].concat();
        assert_eq!(read_by(&element(&gpg.signcrypt(&options)), &alice), Err(why), "{options:?}");
    }
}

#[test]
fn what_gnupg_signs_only_or_encrypts_only_is_refused() {
    let gpg = GnuPg::with("ed25519", "cv25519");
    let (fingerprint, alice) = (bob().fingerprint().to_string(), [gpg.certificate()]);
    let refusal = |arguments: &[&str]| {
        let (octets, _) = gpg.run(arguments, content().as_bytes());
        read_by(&element(&octets), &alice).unwrap_err()
    };
    assert_eq!(refusal(&["--sign"]), Refusal::NotEncrypted);
    assert_eq!(refusal(&["--clear-sign"]), Refusal::Malformed("packet"));
    assert_eq!(refusal(&["--encrypt", "--recipient", &fingerprint]), Refusal::NotSigned);
    assert_eq!(refusal(&["--passphrase", "secret", "--symmetric"]), Refusal::OtherKey);
    assert_eq!(refusal(&["--sign", "--encrypt", "--recipient", &gpg.fingerprint()]), Refusal::OtherKey);
    // Alice has two keys, and signs with both.
    gpg.run(&["--quick-gen-key", "xmpp:alice@other.example", "ed25519", "cert,sign", "never"], b"");
    let twice = ["--sign", "-u", &gpg.fingerprint(), "-u", "xmpp:alice@other.example", "--encrypt", "-r", &fingerprint];
    assert_eq!(refusal(&twice), Refusal::SignedTwice);
}

#[test]
fn what_gnupg_has_revoked_or_let_expire_is_not_used() {
    use openpgp_xmpp::{Unfit, Unusable};
    let gpg = GnuPg::with("ed25519", "cv25519");
    let sealed = element(&gpg.signcrypt(&[]));
    let known = gpg.certificate();
    let exported = |gpg: &GnuPg| gpg.run(&["--export", &format!("xmpp:{ALICE}")], b"").0;
    let later = ["--faked-system-time", "20270115T080001!"];
    gpg.run(&[&later[..], &["--quick-set-expire", &gpg.fingerprint(), "20270116T080000"]].concat(), b"");
    let expiring = exported(&gpg);
    let day = 86_400;
    assert!(Certificate::read(&expiring, ALICE, NOW + day - SKEW - 1).is_ok());
    let expired = Certificate::read(&expiring, ALICE, NOW + day - SKEW);
    assert_eq!(expired, Err(Unusable::Unfit(Unfit::Expired)));

    let revocation = gpg.home().join("openpgp-revocs.d").join(format!("{}.rev", gpg.fingerprint()));
    let revocation = std::fs::read_to_string(revocation).unwrap().replace(":-----BEGIN", "-----BEGIN");
    gpg.run(&["--import"], revocation.as_bytes());
    assert_eq!(Certificate::read(&exported(&gpg), ALICE, NOW + 1), Err(Unusable::Unfit(Unfit::Revoked)));
    // Who has not fetched it since reads on.
    assert!(read_by(&sealed, &[known]).is_ok());
}

fn octets(element: &minidom::Element) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(element.text()).unwrap()
}

//! Homeservers as they are in real life: found by a name, over https.
//!
//! Which authorities are trusted is read from the environment of the process, so the test runs itself again with an
//! authority of its own.

use std::path::Path;
use std::process::Command;

use drawbridge_bridge::*;

use super::people::{Alice, place, try_login};
use super::synapse::{Synapse, password, python};

/// Makes `ca.pem`, and a certificate for this host that it has signed.
const CERTIFY: &str = r#"
import datetime, ipaddress
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

def certificate(name, issuer, key, signer, extensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=2))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

def named(name):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])

authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
hosts = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
ca = certificate(named("authority"), named("authority"), authority, authority, [(x509.BasicConstraints(True, None), True)])
open("ca.pem", "wb").write(ca)
open("tls.pem", "wb").write(certificate(named("localhost"), named("authority"), key, authority, [(hosts, False)]))
open("tls.key", "wb").write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption()))
"#;
const CERTIFICATES: &str = "DRAWBRIDGE_TEST_CERTIFICATES";

#[test]
fn a_homeserver_is_found_by_its_name_over_https() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["trusted", "unknown"] {
        let folder = dir.path().join(folder);
        std::fs::create_dir(&folder).unwrap();
        assert!(Command::new(python()).args(["-c", CERTIFY]).current_dir(folder).status().unwrap().success());
    }
    let again = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "https::with_an_authority", "--ignored", "--nocapture"])
        .env("SSL_CERT_FILE", dir.path().join("trusted/ca.pem"))
        .env(CERTIFICATES, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && said.contains("1 passed"), "{said}\n{}", String::from_utf8_lossy(&again.stderr));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the test above runs it, with an authority of its own"]
async fn with_an_authority() {
    let Some(certificates) = std::env::var_os(CERTIFICATES) else { return };
    drawbridge_matrix::MatrixNetwork::new();
    let trusted = Synapse::start_with(Some(Path::new(&certificates).join("trusted"))).await;
    trusted.user("alice").await;
    // Its well-known document tells another address than the one that was typed.
    let alice = Alice::log_in(&format!("localhost:{}", trusted.port), "alice").await;
    let record = alice.grant.state.expose_text().unwrap();
    assert!(record.contains(&format!("\"https://127.0.0.1:{}/\"", trusted.port)), "the delegation is followed");
    let running = alice.run();
    let up = |e: &Envelope| matches!(&e.event, Event::Connection { up: true, .. }).then_some(());
    alice.ledger.await_event("the connection", up).await;
    running.stop().await;

    let unknown = Synapse::start_with(Some(Path::new(&certificates).join("unknown"))).await;
    let dir = tempfile::tempdir().unwrap();
    for address in [format!("localhost:{}", unknown.port), unknown.url()] {
        let refused = try_login(place(&dir), &address, "alice", &password("alice")).await;
        let reason = "the homeserver cannot be reached";
        assert!(matches!(&refused, Err(Error::Transient { reason: why, .. }) if why == reason), "{refused:?}");
    }
}

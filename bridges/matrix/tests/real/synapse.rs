//! A Synapse of the test's own, on loopback, and a proxy that can swallow its answers.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use matrix_sdk::reqwest::Client as Http;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::people::PATIENCE;

pub(crate) struct Synapse {
    pub(crate) dir: TempDir,
    pub(crate) port: u16,
    child: Option<Child>,
    /// Where `tls.pem` and `tls.key` are, if it speaks https.
    tls: Option<PathBuf>,
}

impl Synapse {
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    pub(crate) async fn start_with(tls: Option<PathBuf>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut synapse = Self { dir, port, child: None, tls };
        std::fs::write(synapse.file("homeserver.yaml"), synapse.config().to_string()).unwrap();
        std::fs::write(synapse.file("log.yaml"), LOG).unwrap();
        synapse.raise().await;
        synapse
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn raise(&mut self) {
        let log = std::fs::File::create(self.file("output.log")).unwrap();
        // The kernel kills it with this test, however that ends.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(python())
            .args(["-m", "synapse.app.homeserver", "--config-path"])
            .arg(self.file("homeserver.yaml"))
            .current_dir(self.dir.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let child = self.child.insert(child);
        let started = tokio::time::Instant::now();
        while started.elapsed() < PATIENCE && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(250)).await;
            // It listens when it is ready.
            if TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return;
            }
        }
        panic!("Synapse did not start: {}", std::fs::read_to_string(self.file("output.log")).unwrap());
    }

    pub(crate) fn fell(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) async fn user(&self, name: &str) -> String {
        let asked = json!({"username": name, "password": password(name), "inhibit_login": true,
            "auth": {"type": "m.login.dummy"}});
        let answer = Http::new()
            .post(format!("{}/_matrix/client/v3/register", self.url()))
            .body(asked.to_string())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{:?}", answer.text().await);
        format!("@{name}:test.local")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&self) -> Value {
        let free = json!({"per_second": 100_000, "burst_count": 100_000});
        let mut config = json!({
            "server_name": "test.local",
            "listeners": [{"port": self.port, "bind_addresses": ["127.0.0.1"], "type": "http", "tls": false,
                "resources": [{"names": ["client"]}]}],
            "database": {"name": "sqlite3", "args": {"database": self.file("homeserver.db")}},
            "log_config": self.file("log.yaml"),
            "media_store_path": self.file("media"),
            "signing_key_path": self.file("signing.key"),
            "pid_file": self.file("pid"),
            "macaroon_secret_key": "test", "form_secret": "test",
            "report_stats": false, "trusted_key_servers": [], "suppress_key_server_warning": true,
            "enable_registration": true, "enable_registration_without_verification": true, "bcrypt_rounds": 4,
            "presence": {"enabled": true},
            "rc_login": {"address": free, "account": free, "failed_attempts": free},
            "rc_joins": {"local": free, "remote": free},
            "rc_invites": {"per_room": free, "per_user": free, "per_issuer": free},
            "rc_presence": {"per_user": free},
            "rc_message": free, "rc_registration": free, "rc_joins_per_room": free, "rc_room_creation": free,
        });
        if let Some(dir) = &self.tls {
            config["listeners"][0]["tls"] = true.into();
            config["tls_certificate_path"] = json!(dir.join("tls.pem"));
            config["tls_private_key_path"] = json!(dir.join("tls.key"));
            // What its well-known document says.
            config["public_baseurl"] = json!(format!("{}/", self.url()));
        }
        config
    }
}

impl Drop for Synapse {
    fn drop(&mut self) {
        self.fell();
    }
}

pub(crate) fn password(name: &str) -> String {
    format!("secret of {name}")
}

const LOG: &str = r#"{"version": 1, "handlers": {"file": {"class": "logging.StreamHandler"}},
    "root": {"level": "WARNING", "handlers": ["file"]}, "disable_existing_loggers": false}"#;

/// The Python of the virtual environment that `tests/setup` keeps Synapse in.
pub(crate) fn python() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from).or_else(home);
    let python = cache.unwrap_or_default().join("drawbridge/venv/bin/python");
    assert!(python.is_file(), "there is no {}; tests/setup installs Synapse", python.display());
    python
}

/// Passes everything on, but swallows the answer to the next send after [`Self::swallow`].
pub(crate) struct Proxy {
    pub(crate) port: u16,
    swallow: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let swallow = Arc::new(AtomicBool::new(false));
        let proxy = Self { port: listener.local_addr().unwrap().port(), swallow: swallow.clone() };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let swallow = swallow.clone();
                tokio::spawn(async move {
                    let far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    pass(near, far, swallow).await;
                });
            }
        });
        proxy
    }

    pub(crate) fn swallow(&self) {
        self.swallow.store(true, Ordering::SeqCst);
    }
}

async fn pass(mut near: TcpStream, mut far: TcpStream, swallow: Arc<AtomicBool>) {
    let (mut from_near, mut from_far) = ([0; 65536], [0; 65536]);
    let mut sending = false;
    loop {
        tokio::select! {
            n = near.read(&mut from_near) => match n {
                Ok(n) if n > 0 => {
                    sending = from_near[..n].starts_with(b"PUT ")
                        && String::from_utf8_lossy(&from_near[..n.min(300)]).contains("/send/m.room.encrypted/");
                    far.write_all(&from_near[..n]).await.unwrap();
                }
                _ => return,
            },
            n = far.read(&mut from_far) => match n {
                // The homeserver has answered, so it has the event.
                Ok(n) if n > 0 && sending && swallow.swap(false, Ordering::SeqCst) => return,
                Ok(n) if n > 0 => if near.write_all(&from_far[..n]).await.is_err() { return },
                _ => return,
            },
        }
    }
}

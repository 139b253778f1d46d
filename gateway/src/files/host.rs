//! A host in the web, for tests: it gives and takes files over TLS, and can do so badly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use reqwest::Certificate;
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(crate) struct Host {
    port: u16,
    pub(crate) certificate: Certificate,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    replies: HashMap<String, Reply>,
    asked: Vec<String>,
}

/// What it does with who asks for a path.
#[derive(Clone)]
pub(crate) enum Reply {
    File(Vec<u8>),
    Redirect(String),
    Status(u16),
    /// Octets without end, and nothing said of how many.
    Endless,
    /// Ten octets, the last of which never comes.
    Slow,
}

impl Host {
    pub(crate) async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let certificate = Certificate::from_der(own.cert.der()).unwrap();
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![own.cert.der().clone()], key);
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, state) = (listener.local_addr().unwrap().port(), Arc::<Mutex<State>>::default());
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), shared.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = serve(stream, &state).await;
                    }
                });
            }
        });
        Self { port, certificate, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    pub(crate) fn has(&self, path: &str, reply: Reply) {
        self.state.lock().unwrap().replies.insert(path.to_owned(), reply);
    }

    /// What was put there.
    pub(crate) fn file(&self, path: &str) -> Option<Vec<u8>> {
        match self.state.lock().unwrap().replies.get(path) {
            Some(Reply::File(file)) => Some(file.clone()),
            _ => None,
        }
    }

    /// Method and path of every request.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: &Mutex<State>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let length = head.to_ascii_lowercase();
    let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    stream.read_exact(&mut body).await?;
    let reply = {
        let mut state = state.lock().unwrap();
        state.asked.push(format!("{method} {path}"));
        if method == "PUT" {
            state.replies.insert(path, Reply::File(body));
            Reply::Status(201)
        } else {
            state.replies.get(&path).cloned().unwrap_or(Reply::Status(404))
        }
    };
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} x\r\n{more}Connection: close\r\n\r\n");
    match reply {
        Reply::File(file) => {
            stream.write_all(head(200, &format!("Content-Length: {}\r\n", file.len())).as_bytes()).await?;
            stream.write_all(&file).await?;
        }
        Reply::Redirect(to) => {
            stream.write_all(head(302, &format!("Location: {to}\r\nContent-Length: 0\r\n")).as_bytes()).await?;
        }
        Reply::Status(status) => stream.write_all(head(status, "Content-Length: 0\r\n").as_bytes()).await?,
        Reply::Endless => {
            stream.write_all(head(200, "").as_bytes()).await?;
            while stream.write_all(&[0; 65_536]).await.is_ok() {}
        }
        Reply::Slow => {
            stream.write_all(head(200, "Content-Length: 10\r\n").as_bytes()).await?;
            stream.write_all(&[0; 9]).await?;
            stream.flush().await?;
            std::future::pending::<()>().await;
        }
    }
    stream.shutdown().await
}

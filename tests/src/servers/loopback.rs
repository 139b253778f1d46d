//! The little networking that the servers' own start needs: free ports, one question, one HTTP request.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process,
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::Error;

const ANSWER: Duration = Duration::from_secs(30);
/// Below the range from which the kernel takes ports for outgoing connections, so that none of those sits on a server's
/// port while the server restarts.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// A loopback port that nobody uses at this moment.
pub(crate) fn free_port() -> Result<u16, Error> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let width = PORTS.end - PORTS.start;
    // Tests run in several processes at once: each starts looking at another place.
    let first = (process::id().wrapping_mul(61) % u32::from(width)) as u16;
    for _ in 0..width {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + (first + step % width) % width;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::Refused { asked: "a free loopback port".into(), answer: "none is free".into() })
}

/// Says something on a fresh connection and reads until the answer contains `hear`.
pub(crate) fn ask(port: u16, say: &str, hear: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(say.as_bytes())?;
    let (mut answer, mut buffer, start) = (Vec::new(), [0; 4096], Instant::now());
    loop {
        let read = stream.read(&mut buffer)?;
        answer.extend(buffer.iter().take(read));
        let text = String::from_utf8_lossy(&answer);
        if text.contains(hear) {
            return Ok(text.into_owned());
        }
        if read == 0 || start.elapsed() > ANSWER {
            return Err(io::Error::other(format!("no {hear:?} in the answer {text:?}")));
        }
    }
}

/// Posts JSON to a loopback server and gives the status and the JSON that comes back.
pub(crate) fn post_json(port: u16, path: &str, body: &Value) -> io::Result<(u16, Value)> {
    let body = body.to_string();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(ANSWER))?;
    // HTTP/1.0: the answer comes in one piece and ends with the connection.
    let head = format!(
        "POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let parts = answer.split_once("\r\n\r\n").and_then(|(head, body)| {
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).ok()?))
    });
    parts.ok_or_else(|| io::Error::other(format!("not an answer in JSON: {answer:?}")))
}
